import type { ErrorObject } from '../../cni/errors';
import type { Ns, Step } from '../../kernel/contract';

/** One thing that a plugin would do, in words; a change in the kernel also as the step that it is. */
export type Action =
  | { kind: 'step'; ns: Ns; words: string; step: Step; shared?: true }
  | { kind: 'ipam'; words: string; addresses?: string[]; placeholder?: true }
  | { kind: 'file'; words: string }
  | { kind: 'exec'; words: string; program: string };

/** What one plugin of a network would do. */
export interface PluginStory {
  type: string;
  /** What it is, in words; "" for one that is not ours. */
  about: string;
  add: Action[];
  del: Action[];
  /** What its ADD would answer instead of doing anything. */
  refusal?: ErrorObject;
  /** An ADD would not come to it, since a plugin before it refuses. */
  notReached?: true;
}

/** A part of the configuration that is allowed, and probably not meant. */
export interface Warning {
  file: string;
  line?: number;
  column?: number;
  /** Where it stands: `plugins[0].mtu`; absent for the file as a whole. */
  path?: string;
  text: string;
}

/** What an ADD of a network would do at this moment, and a DEL after it. Plain data: what `--json` prints. */
export interface Explanation {
  file: string;
  network: string;
  /** As the configuration has it, "" for none. */
  cniVersion: string;
  attachment: {
    containerId: string;
    ifname: string;
    /** null: a namespace that is yet to be made. */
    netns: string | null;
  };
  /** In the order of ADD; DEL goes through them in reverse. */
  plugins: PluginStory[];
  /** What ADD would answer, in the configuration's version; absent where nobody can know. */
  result?: Record<string, unknown>;
  /** What ADD would answer instead. */
  refusal?: ErrorObject;
  warnings: Warning[];
}
