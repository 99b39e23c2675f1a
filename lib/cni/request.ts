import type { CniArgs } from './args';
import type { Result } from './result';

export type Command = 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS' | 'VERSION';

/** What the runtime gave a plugin: `CNI_*` variables and standard input, as text, nothing decided yet. */
export interface RawRequest {
  /** The plugin's type: the name it was called by, or of the delegate. */
  type: string;
  env: Readonly<Record<string, string | undefined>>;
  stdin: Buffer;
}

/** A request that is well-formed: every field is checked as far as the protocol goes. */
export interface Request {
  type: string;
  command: Exclude<Command, 'VERSION'>;
  /** "" for GC and STATUS. */
  containerId: string;
  /** A path; "" when DEL came without, and for GC and STATUS. */
  netns: string;
  ifname: string;
  args: CniArgs;
  /** CNI_PATH, split; empty elements are left out. */
  path: string[];
  /** CNI_NETNS_OVERRIDE: the pod's namespace may be the caller's own. */
  netnsOverride: boolean;
  /** The configuration's version, "0.1.0" when it names none. */
  cniVersion: string;
  /** The network's name; "" is possible only where a plugin allows it (loopback, and configurations below 0.3.0 … see `request.ts`). */
  name: string;
  /** The configuration, decoded and otherwise as it came: keys in the runtime's own case. */
  config: Record<string, unknown>;
  /** Standard input as it came: what a delegate is given. */
  stdin: Buffer;
  /** The configuration's prevResult, in the newest shape. */
  prevResult?: Result;
  /** GC only: the list; absent when the configuration has none (then nothing may be collected). */
  validAttachments?: { containerId: string; ifname: string }[];
}
