import type { Ns } from './places';

export type NftFamily = 'inet' | 'ip' | 'ip6' | 'bridge';

/**
 * One atomic nftables transaction on one table. `ensure` creates what is missing of the table, its chains, sets and
 * rules and leaves what is there (a rule is known by its comment); the addon takes it as its JSON text, too. `add` puts
 * elements into sets, `remove` takes them out. An element that is already there or already gone is no error; nor is a
 * missing table or set in `remove`.
 */
export interface NftBatch {
  op: 'nft.batch';
  ns: Ns;
  family: NftFamily;
  table: string;
  ensure?: NftEnsure;
  add?: NftElements[];
  remove?: NftElements[];
  /**
   * Sets that are deleted together with the rules (by comment) that look them up, and chains together with the rules in
   * them and the rules of `from` that jump to them: EBUSY where others do, too. A rule with `constant` goes only if it is
   * among its constants (`NftRuleFact`). What is not there is no error.
   */
  drop?: {
    sets: string[];
    rules: { chain: string; comment: string; constant?: string }[];
    chains?: { name: string; from: string }[];
  };
}

export interface NftEnsure {
  /** The table's. */
  comment: string;
  chains: NftChain[];
  sets: NftSet[];
  rules: NftRule[];
}

export interface NftChain {
  name: string;
  /** Absent: a regular chain. `priority` as a number: -100 is dstnat, 100 is srcnat. */
  hook?: {
    type: 'nat' | 'filter' | 'route';
    hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
    priority: number;
  };
}

export interface NftSet {
  name: string;
  /** nft's name of the type. */
  key: NftKeyType;
  /** Present: a map, to what this type says. */
  data?: 'ipv4_addr . inet_service' | 'ipv6_addr . inet_service';
  comment: string;
}

export type NftKeyType =
  | 'ipv4_addr'
  | 'ipv6_addr'
  | 'ifname'
  | 'ifname . ether_addr'
  | 'inet_proto . inet_service'
  | 'ipv4_addr . inet_proto . inet_service'
  | 'ipv6_addr . inet_proto . inet_service'
  | 'ipv4_addr . ipv4_addr . inet_proto . inet_service'
  | 'ipv6_addr . ipv6_addr . inet_proto . inet_service';

export interface NftRule {
  chain: string;
  /** The rule's identity within its chain. */
  comment: string;
  exprs: NftExpr[];
}

/**
 * The kernel's own rule expressions (`nft --debug=netlink` prints them). Registers: 1 to 4 are the 16-byte ones, and 8 to 23
 * the 4-byte ones that these consist of (1 begins where 8 does, 2 where 12 does). Data is hexadecimal.
 */
export type NftExpr =
  | { expr: 'meta'; key: 'nfproto' | 'l4proto' | 'iifname' | 'oifname' | 'mark'; dreg: number }
  | { expr: 'payload'; base: 'link' | 'network' | 'transport'; offset: number; length: number; dreg: number }
  | { expr: 'bitwise'; sreg: number; dreg: number; length: number; mask: string; xor: string }
  | { expr: 'cmp'; sreg: number; op: 'eq' | 'neq' | 'lt' | 'lte' | 'gt' | 'gte'; data: string }
  /** With `dreg`: the set is a map, and what the key is mapped to goes there. */
  | { expr: 'lookup'; sreg: number; set: string; invert?: boolean; dreg?: number }
  /** `ct status` and `ct original proto-dst`: 4 and 2 bytes. */
  | { expr: 'ct'; key: 'status'; dreg: number }
  | { expr: 'ct'; key: 'proto-dst'; direction: 'original' | 'reply'; dreg: number }
  /** `fib daddr type`: RTN_* (2 local), 4 bytes in the host's order. */
  | { expr: 'fib'; result: 'type'; of: 'saddr' | 'daddr'; dreg: number }
  /** `dnat ip to <address>:<port>`, which are in these registers. */
  | { expr: 'dnat'; family: 'ip' | 'ip6'; address: number; port: number }
  | { expr: 'masq' }
  | { expr: 'counter' }
  | { expr: 'verdict'; verdict: 'accept' | 'drop' | 'return' }
  | { expr: 'verdict'; verdict: 'jump'; chain: string };

export interface NftElements {
  set: string;
  /** As the set's type has it: "10.1.2.3", "fd00::1", "veth1", "veth1 . 02:00:00:00:00:01", "10.0.0.1 . tcp . 8080". */
  keys: string[];
  /** In a map: what each of these keys is mapped to, "10.1.2.3 . 80". `add` puts it in place of another. */
  data?: string;
  /**
   * Said of each of these elements, up to 127 bytes. `add` puts it in place of another, and `remove` leaves an element
   * that says something else: it has become somebody else's.
   */
  comment?: string;
  /**
   * `add`: an element that says something else, or nothing, stays, and is EEXIST with what it says in the message and alone
   * in `extack`.
   */
  ifTaken?: 'fail';
}
