import type { ProgramOptions } from '../cni/exec';
import type { Native } from '../kernel/contract';
import type { Added } from './add';
import type { Plugin } from './define';

/** Everything outside that a request needs, passed in: the daemon and the cold process differ in nothing else. */
export interface Platform {
  kernel: Native;
  plugins: ReadonlyMap<string, Plugin>;
  /** "/run/trestle": volatile, dies with the kernel state that it describes. */
  stateDir: string;
  /** /proc/sys/kernel/random/boot_id: a record of another boot is void. */
  bootId: string;
  /** When this kernel started, milliseconds since the epoch. */
  bootTime: number;
  machineId: string;
  /** When the runtime made this call, milliseconds since the epoch. */
  began: number;
  now(): number;
  /** The caller's whole environment, for delegates that are not ours; read only when one is needed. */
  callerEnv(): Record<string, string | undefined>;
  /** For a human: one line on stderr. */
  warn(message: string): void;
  /** Is told each line of the trace of each request, beside the file that the configuration may name. */
  trace?: (line: string) => void;
  /** How plugins that are not ours are run. */
  programs?: ProgramOptions;
  /** Present: they are not run here, and this is called where one would have to be; what was begun is then finished elsewhere. */
  foreign?(): void;
  /** Where the network namespace that the request names by `path` is to be opened; absent: there. */
  openedNetns?(path: string): string;
  /** Whether nobody waits for the answer any more. An ADD is then taken back. */
  hungUp?(): boolean;
  /** Is told of an ADD that has succeeded. */
  added?(added: Added): void;
  /** Marks the request that this is, if it may be begun by one process and finished by another; drawn at random. */
  token?: string | undefined;
}
