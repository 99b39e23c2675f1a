import type { NftEnsure, NftFamily } from './nftables';
import type { Ns } from './places';

/** A question to the kernel. A thing that does not exist is answered with null (a list: with an empty one). */
export type Query =
  | { query: 'link'; ns: Ns; name: string }
  | { query: 'links'; ns: Ns }
  | { query: 'addrs'; ns: Ns; link: string }
  | { query: 'routes'; ns: Ns; link: string }
  | { query: 'route'; ns: Ns; dst: string }
  | { query: 'vlans'; ns: Ns; link: string }
  | { query: 'sysctl'; ns: Ns; key: string }
  | { query: 'netns'; ns: Ns }
  | { query: 'iptables.legacy'; ns: Ns }
  | { query: 'nft.elements'; ns: Ns; family: NftFamily; table: string; set: string }
  | { query: 'nft.lookup'; ns: Ns; family: NftFamily; table: string; set: string; keys: string[] }
  | { query: 'nft.tables'; ns: Ns }
  | { query: 'nft.sets'; ns: Ns; family: NftFamily; table: string }
  | { query: 'nft.rules'; ns: Ns; family: NftFamily; table: string; chain: string }
  | { query: 'nft.trial'; ns: Ns; family: NftFamily; table: string; ensure: NftEnsure };

/** The answer to each kind of query. */
export interface Answers {
  link: LinkFact | null;
  links: LinkFact[];
  addrs: AddrFact[];
  routes: RouteFact[];
  /** Where the namespace would send a packet to `dst`, an address without prefix length (`ip route get`). */
  route: WayFact | null;
  vlans: VlanRange[];
  sysctl: string | null;
  netns: NetnsFact;
  /** The tables of iptables that are none of nftables', "ip nat": there are none where nobody uses iptables-legacy. */
  'iptables.legacy': string[];
  'nft.elements': NftElementFact[] | null;
  /** The element under each key, null where there is none (or no such set). */
  'nft.lookup': (NftElementFact | null)[];
  /** Every table there is. */
  'nft.tables': NftTableFact[];
  'nft.sets': NftSetFact[] | null;
  'nft.rules': NftRuleFact[] | null;
  /** The kernel would do it. Where it would not, `observe` rejects with what an `nft.batch` would fail with. */
  'nft.trial': true;
}

/** A link as `ip -d link show` knows it. */
export interface LinkFact {
  ifindex: number;
  name: string;
  /** IFLA_INFO_KIND: "veth", "bridge", …; "" for a physical device and for lo. */
  kind: string;
  mac: string;
  mtu: number;
  /** IFF_UP: switched on by the administrator. */
  up: boolean;
  /** IFLA_OPERSTATE as `ip link` prints it, in lower case: "up", "down", "lowerlayerdown", "unknown", … */
  operstate: string;
  /** IFLA_PROMISCUITY: how many want it promiscuous; `promiscFlag` is the administrator's IFF_PROMISC. */
  promiscuity: number;
  promiscFlag: boolean;
  /** The ifindex of the bridge or bond it belongs to, 0 for none. */
  master: number;
  /** IFLA_LINK, of a veth the other end's ifindex (in `peerNetnsId`'s namespace), 0 for none. */
  peer: number;
  /** IFLA_LINK_NETNSID, null when the other end is in the same namespace. */
  peerNetnsId: number | null;
  /** IFLA_IFALIAS, "" for none. */
  alias: string;
  txqlen: number;
  /** Only on a port of a bridge. */
  port?: {
    hairpin: boolean;
    isolated: boolean;
    state: 'disabled' | 'listening' | 'learning' | 'forwarding' | 'blocking';
  };
  /** Only on a bridge. `defaultPvid` is the VLAN that a new port is put into, untagged; 0 for none, or without VLAN filtering in the kernel. `noLinkLocalLearn`: see `LinkSet`. */
  bridge?: { vlanFiltering: boolean; defaultPvid: number; noLinkLocalLearn?: true };
}

/** VLANs `from` to `to`, both inclusive, of a bridge's port: frames leave it with a tag unless `untagged`, and come in as those of `pvid` without one. */
export interface VlanRange {
  from: number;
  to: number;
  /** BRIDGE_VLAN_INFO_PVID: only for a single VLAN. */
  pvid?: boolean;
  /** BRIDGE_VLAN_INFO_UNTAGGED */
  untagged?: boolean;
}

export interface AddrFact {
  /** "10.1.2.3/24" */
  address: string;
  /** "global", "link", "host", "site" or a number as text. */
  scope: string;
  /** Duplicate address detection is still running, or has failed. IPv6 only. */
  tentative: boolean;
  dadFailed: boolean;
}

/** A route through the link; one for each of its paths through it. */
export interface RouteFact {
  /** "0.0.0.0/0" and "::/0" for a default route. */
  dst: string;
  gw: string | null;
  table: number;
  scope: number;
  /** RTA_PRIORITY, 0 when absent. The kernel itself gives an IPv6 route 1024. */
  priority: number;
  /** RTA_METRICS, null when unset. */
  mtu: number | null;
  advmss: number | null;
  src: string | null;
  /** RTPROT_*: 2 kernel, 3 boot, 4 static, 9 ra */
  protocol: number;
  /** RTN_*: 1 unicast, 2 local, 3 broadcast, 5 multicast, … */
  type: number;
}

export interface WayFact {
  /** The link that the packet leaves by. */
  link: string;
  /** RTN_*: 1 unicast, 2 local, … */
  type: number;
}

/** The identity of a namespace: two paths with equal numbers are one namespace. */
export interface NetnsFact {
  dev: number;
  ino: number;
}

export interface NftElementFact {
  /** As in `NftElements.keys`. */
  key: string;
  /** What the key is mapped to, in a map: as in `NftElements.data`. */
  data?: string;
  /** The element's comment, "" for none. */
  comment: string;
}

export interface NftTableFact {
  family: string;
  name: string;
}

export interface NftSetFact {
  name: string;
  comment: string;
}

export interface NftRuleFact {
  /** The kernel's handle, as a decimal string (64 bits). */
  handle: string;
  comment: string;
  /** The chain that it jumps or goes to, if it does. */
  jump?: string;
  /** The constants that it loads (`immediate`: addresses and ports of a `dnat to`) or compares with (`cmp`), hexadecimal, in order. Absent for none. */
  constants?: string[];
}
