/**
 * The contract with the native addon (`native/addon.cc`): plain data in, plain data out. A test asserts that the addon
 * exports exactly the functions of {@link Native}. Lengths of time are microseconds unless a name says otherwise; MAC
 * addresses are lower-case and colon-separated; an address is written without its prefix length ("10.1.2.3",
 * "fd00::1") where a field is called `ip`, and with it ("10.1.2.3/24") where it is called `address` or `dst`.
 */
import type { Applied, KernelFault } from './contract/outcomes';
import type { Places, Where } from './contract/places';
import type { Answers, Query } from './contract/queries';
import type { Recipe } from './contract/recipe';
import type { Step } from './contract/steps';
import type { Door } from './door';

export type * from './contract/nftables';
export type * from './contract/outcomes';
export type * from './contract/places';
export type * from './contract/queries';
export type * from './contract/recipe';
export type * from './contract/steps';

/**
 * How a lock is taken. `ofd`: an open-file-description byte-range lock of one byte at `offset`, which several may have that
 * are all `shared`; `flock`: the whole file.
 */
export type LockRequest = { path: string; timeoutMs: number } & (
  | { kind: 'ofd'; offset: number; shared?: boolean }
  | { kind: 'flock' }
);

/** A program that runs in a network namespace. */
export interface Program {
  /** The namespace's path. */
  netns: string;
  /** Its arguments, the name first, which is looked for along the PATH of `env` as execvp(3) does. */
  args: string[];
  /** Its whole environment: "NAME=value". */
  env: string[];
}

/** A program that runs now, or why it could not be executed: ENOENT, EACCES, … */
export type Spawned = { pid: number } | { fault: KernelFault };

/** How a program ended: its exit status, or the number of the signal that killed it. */
export type Ending = { status: number } | { signal: number };

/** What the addon exports. Every function that may wait runs on a thread of its own and returns a promise. */
export interface Native extends Door {
  /** Answers the queries in order. Rejects with a {@link KernelFault} when a namespace cannot be entered or a read fails. */
  observe(where: Where, queries: Query[]): Promise<Answers[keyof Answers][]>;
  /** Runs the steps in order: `stop` at the first failure, or `continue` past failures (for removal). Rejects only when a namespace cannot be entered. */
  apply(where: Where, steps: Step[], mode: 'stop' | 'continue'): Promise<Applied>;
  /**
   * Opens both namespaces, and keeps them and what is opened in them until {@link Native.leave}: for calls that follow one
   * another. `isOwn`: the pod's is the host's. Throws a {@link KernelFault} when one cannot be opened.
   */
  visit(places: Places): { visit: number; isOwn: boolean };
  /** Ends a visit. One that has ended already is no error. */
  leave(visit: number): void;
  /** Opens (creating it, mode 0600, close-on-exec) and locks a file: a descriptor for {@link Native.unlock}, or null when `timeoutMs` passed. 0 tries once. One that is free is had without a thread. */
  lock(request: LockRequest): Promise<number | null>;
  /** As {@link Native.lock} with a `timeoutMs` of 0, at once. Throws a {@link KernelFault} where the file cannot be opened. */
  tryLock(request: LockRequest): number | null;
  /** Lets go of a lock. */
  unlock(lock: number): void;
  /**
   * `ip netns add`: binds a new, empty network namespace to a file, EEXIST if there is one. The folder is made (0755)
   * and becomes a mount of its own that other mount namespaces share.
   */
  makeNetns(path: string): Promise<null>;
  /** `ip netns delete`; what is gone already is no error. Anything but a bound network namespace or an empty file: EINVAL. */
  removeNetns(path: string): Promise<null>;
  /**
   * Runs a program as `ip netns exec` does: in the namespace, and in a mount namespace with a /sys of its own where that
   * is allowed. It has this process's standard streams, terminal, process group and working folder, and all signals as
   * they are by default; when this process ends, however it does, it is killed. Rejects when the namespace cannot be
   * entered.
   */
  spawn(program: Program): Promise<Spawned>;
  /** Waits for the end of a program of {@link Native.spawn}, whose `pid` means nothing after that. */
  wait(pid: number): Promise<Ending>;
  /** Sends a signal, by its number, to a program of {@link Native.spawn}; false if it has ended. */
  signal(pid: number, signal: number): boolean;
  /**
   * Resolves as soon as, after the call, somebody takes away anything in a table of nftables whose name begins with
   * `prefix` (the table itself, a chain, a rule or a set, not an element), or an address (but a link-local one) comes to or leaves one of `links`;
   * or when the kernel had to leave a message out. In this process's namespace. Rejects with what the socket says.
   * It holds no process back from ending.
   */
  watch(what: { prefix: string; links: string[] }): Promise<null>;
  /**
   * Resolves with true as soon as, after the call, a link goes (RTM_DELLINK: whoever removes it is about to let go of the
   * lock of all links), or when the kernel had to leave a message out; with false after `timeoutMs`, at most 60,000. In this
   * process's namespace. It holds no process back from ending.
   */
  linkGone(timeoutMs: number): Promise<boolean>;
  /**
   * From now on the addon itself does the calls that come to the door and that the recipe is good for. It gives up, and the
   * door's host is told to go on, where anything is not as the recipe has it, or fails. Throws a {@link KernelFault} for
   * what is no recipe.
   */
  setRecipe(recipe: Recipe): void;
  forgetRecipes(): void;
  /** How many calls are done by recipes now, until their launchers have ended. */
  replaying(): number;
  /** sd_notify(3): sends `state` to the socket that NOTIFY_SOCKET names. */
  notify(socket: string, state: string): Promise<null>;
}
