/**
 * What all ADDs of one configuration have in common, as texts with holes for what differs; the addon fills in one ADD after
 * the other. A hole is one of {@link hole}'s characters, none of which a JSON text has.
 */
export interface Recipe {
  /** In place of the one that has this number. */
  id: number;
  /** What a request must have among its variables, besides those that fill holes: "CNI_COMMAND=ADD". */
  variables: string[];
  /** What its CNI_ARGS must be, in this order; without `value` any will do. */
  args: { key: string; value?: string }[];
  /** Its standard input. */
  config: string;
  network: string;
  type: string;
  machineId: string;
  stateDir: string;
  /** JSON of a list of queries, and of what they may be answered with: anything else is for whoever makes recipes. */
  queries: string;
  answers: string[];
  /** The first line of the attachment's record. */
  record: string;
  lease?: LeasePlace;
  /** The second one, written before the steps: what there is when all are done. Those before it: when the step of this number fails. */
  footprints: string[];
  /** JSON of a list of steps, and of what each of them must tell: `mac`, `mtu` and `peer` of its outcome, where it has them. */
  steps: string;
  outcomes: string;
  /** The last line of the record. */
  complete: string;
  /** What the runtime gets. */
  result: string;
}

/** Leases of host-local, in files of the reference's format. */
export interface LeasePlace {
  folder: string;
  /** The folder of their index (lib/ipam/host-local/index-cache.ts). */
  index: string;
  /** One address of each is leased, between the two and both included, but not the gateway. */
  ranges: { start: string; end: string; gateway: string }[];
}

/** What differs between ADDs, by the character that stands for it. */
export const hole = {
  containerId: '\x01',
  ifname: '\x02',
  netns: '\x03',
  /** The host end's name and MAC, and the pod end's. */
  hostEnd: '\x04',
  hostMac: '\x05',
  podMac: '\x06',
  token: '\x07',
  /** Milliseconds since the epoch. */
  now: '\x08',
  /** The address of the first of at most eight ranges, without prefix length; those of the others follow. */
  address: '\x10',
} as const;
