import type { GenericSchema } from 'valibot';
import type { Request } from '../cni/request';
import type { Result } from '../cni/result';
import type { Answers, LeasePlace, NftBatch, Outcome, Query, Step } from '../kernel/contract';

export type { LeasePlace };

/** Named questions to the kernel, and the type of their answers under the same names. */
export type Queries = Readonly<Record<string, Query>>;
export type Facts<Q extends Queries> = { readonly [K in keyof Q]: Answers[NonNullable<Q[K]>['query']] };

/** What an ADD will do: plain data, and a pure function from what the steps did to the result. */
export interface Plan {
  /**
   * Changes to what others use too (the bridge, its address, ip_forward). They are never undone. Run first, under the
   * lock that is named, after the facts were read again under it; on a busy node there is usually none.
   */
  shared?: { lock: string; steps: Step[] };
  /** Changes that belong to this attachment alone. They are undone, last first, when one of them fails. */
  steps: Step[];
  /** `outcomes` are those of `steps`. */
  result: (outcomes: readonly Outcome[]) => Result;
  /** What deserves to be said but stops nothing. */
  warnings?: string[];
}

/** Who an attachment is: the same for ADD, CHECK and DEL, on every run. */
export interface Identity {
  network: string;
  containerId: string;
  ifname: string;
  /** The host end's name and the MACs of both ends, derived from the above and the machine's id. */
  hostEnd: { name: string; mac: string };
  podMac: string;
  /** /etc/machine-id, for the MACs of devices that pods share: see `deviceMac`. */
  machineId: string;
}

export interface Context<C> {
  request: Request;
  config: C;
}

export interface AttachmentContext<C, Q extends Queries> extends Context<C> {
  identity: Identity;
  facts: Facts<Q>;
}

export interface AddContext<C, Q extends Queries> extends AttachmentContext<C, Q> {
  /**
   * What the IPAM plugin gave; without one, what `addressing` did; absent without either. For CHECK's plan: what
   * prevResult says of this interface.
   */
  ipam?: Result;
}

/** What is left of an attachment, and how to remove it. */
export interface Debris {
  containerId: string;
  ifname: string;
  steps: Step[];
}

/** What an IPAM plugin may use of the world: files are its own business, these are not. */
export interface Host {
  /** An exclusive `flock`, as the reference takes it; the returned function lets go. Fails with code 11 after a while. */
  flock(path: string): Promise<() => void>;
  /** Milliseconds since the epoch. */
  now(): number;
  /** When this kernel started, milliseconds since the epoch. */
  bootTime: number;
  /** When the runtime made this call, milliseconds since the epoch. */
  began: number;
  /** Trestle's volatile state: "/run/trestle". Created on demand. */
  stateDir: string;
  /** Whether an attachment record of this boot exists for this container's interface (whatever its plugin type). */
  isAttached(network: string, containerId: string, ifname: string): boolean;
  /** Whether another request is working on this attachment right now (its lock is held). */
  isBusy(network: string, containerId: string, ifname: string): Promise<boolean>;
  warn(message: string): void;
  /** For the trace: an address that was released. */
  released?(address: string): void;
}

export interface IpamContext<C> extends Context<C> {
  host: Host;
}

interface Common<C> {
  /** The name of the program, and of the delegate. */
  type: string;
  /** What it is, for people who read a plan or a list of plugins: "joins the pod to a bridge of the host". */
  about?: string;
  /** Checks the configuration and gives it its type; keys are matched without regard to case. */
  config: GenericSchema<unknown, C>;
}

/**
 * A plugin that gives a pod an interface. It calls no netlink: it says which facts it needs and, purely from them,
 * what is to be done. The frame reads, locks, records, applies, undoes and repairs.
 */
export interface InterfacePlugin<C = unknown, Q extends Queries = Queries> extends Common<C> {
  kind?: 'interface';
  /** Whether it works on what an earlier plugin of the chain has made: an ADD without prevResult is code 7. */
  chained?: boolean;
  /**
   * Pure: undefined where there is something to be done for this attachment. Otherwise ADD hands prevResult on and leaves no
   * record, and what is answered are warnings. Throws what an ADD would be refused with.
   */
  idle?(context: Context<C>): string[] | undefined;
  /** The tables of nftables that those of its attachments have elements in which are not idle. */
  tables?: readonly Pick<NftBatch, 'family' | 'table'>[];
  /** Whether it hands addressing to the plugin that `ipam.type` names. Absent: it has no `ipam`. */
  ipam?: 'required' | 'optional';
  /** Pure: the addresses that the configuration itself gives, where it names no IPAM plugin; undefined where it gives none. */
  addressing?(context: Context<C>): Result | undefined;
  /** Whether it keeps an attachment record. `false` for what makes nothing that a DEL would remove (loopback). Default true. */
  recorded?: boolean;
  /**
   * Whether all ADDs of one configuration differ in nothing but names, MACs and addresses, as long as the facts are the same:
   * then the daemon may have them done by what the plan of one of them was (lib/plugin/recipe.ts).
   */
  uniform?: boolean;
  /** Whether the network needs no name (loopback). */
  nameless?: boolean;
  /** Is asked again with what it has learned until it asks nothing new: an answer may be what the next question is about. */
  facts(context: Context<C> & { identity: Identity }, known: Facts<Queries>): Q;
  /** Throws when an ADD could not succeed. Runs before anything is changed and before the IPAM is asked. */
  refuse?(context: AttachmentContext<C, Q>): void;
  /** Pure. A result with prevResult is passed through by the plugin itself. */
  add(context: AddContext<C, Q>): Plan;
  /**
   * Pure: what is no longer true, in sentences. Absent: every step of ADD's plan is compared with the kernel, which is
   * what most plugins want; present: is asked in addition to that.
   */
  check?(context: AddContext<C, Q>): string[];
  /** Pure: the removal where there is no record (another implementation made the pod, or /run was lost). */
  del?(context: AttachmentContext<C, Q>): Step[];
  /** Pure, for the same DEL: what may remain that no step can reach, in sentences. */
  remains?(context: AttachmentContext<C, Q>): string[];
  /**
   * What of this network lies in the kernel beside what the records name; its `facts` are asked as those above. The
   * frame removes those of `found` that are neither valid nor being worked on.
   */
  gc?: {
    facts(context: Context<C>, known: Facts<Queries>): Queries;
    found(context: Context<C> & { facts: Facts<Queries> }): Debris[];
  };
  /** What it keeps in its tables beside attachments, and brings up to date when the addresses of these links change. */
  upkeep?: {
    links: readonly string[];
    facts(known: Facts<Queries>): Queries;
    steps(facts: Facts<Queries>): Step[];
  };
  /** What STATUS has to look at; `status` throws {@link CniError} 50 when no ADD could succeed. */
  status?: {
    facts(context: Context<C>): Queries;
    verdict(context: Context<C> & { facts: Facts<Queries> }): void;
  };
}

/** A plugin that hands out addresses. It changes no kernel state and keeps its own files. */
export interface IpamPlugin<C = unknown> extends Common<C> {
  kind: 'ipam';
  add(context: IpamContext<C>): Promise<Result>;
  /**
   * What ADD would answer now, without leaving a trace of having been asked: it may read, and neither locks nor writes.
   * `released`: as if what this interface holds had been released before. Absent: nobody can tell.
   */
  preview?(context: IpamContext<C>, options?: { released?: boolean }): Promise<Result>;
  /** How the addon can lease addresses as ADD would, where there is nothing unusual about it; `undefined` where there is. */
  leases?(context: IpamContext<C>): LeasePlace | undefined;
  check(context: IpamContext<C>): Promise<void>;
  /** Without `config` where that cannot be understood: DEL then releases what it can find. */
  del(context: IpamContext<C | undefined>): Promise<void>;
  gc(context: IpamContext<C>): Promise<void>;
  status(context: IpamContext<C>): Promise<void>;
}

// biome-ignore lint/suspicious/noExplicitAny: a registry holds plugins of every configuration type
export type Plugin = InterfacePlugin<any, any> | IpamPlugin<any>;

/** Declares a plugin: the one way to make one. It only infers the types; what is declared is plain data and functions. */
export function definePlugin<C, const Q extends Queries>(plugin: InterfacePlugin<C, Q>): InterfacePlugin<C, Q>;
export function definePlugin<C>(plugin: IpamPlugin<C>): IpamPlugin<C>;
export function definePlugin(plugin: Plugin): Plugin {
  return plugin;
}
