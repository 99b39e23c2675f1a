import type { NftBatch } from './nftables';
import type { Ns } from './places';
import type { VlanRange } from './queries';

/**
 * One change, in the namespace `ns`. `ifExists` and `ifMissing` say what an object that is already there, or already
 * gone, means: `keep` leaves it and goes on, `fail` stops. A step names a link by its name; where an earlier step of the
 * same run created a link of that name in that namespace, its ifindex is used, so that a run never touches the link
 * of another run that took the name meanwhile.
 */
export type Step =
  | LinkAdd
  | LinkSet
  | LinkDelete
  | LinkWait
  | LinkAnnounce
  | AddrAdd
  | AddrDelete
  | RouteAdd
  | BridgeVlanAdd
  | BridgeVlanDelete
  | SysctlSet
  | NftBatch
  | ConntrackFlush;

/** `ip link add`. One RTM_NEWLINK, which sets everything that is given: EOPNOTSUPP for `vlanFiltering` in a kernel without it. */
export interface LinkAdd {
  op: 'link.add';
  ns: Ns;
  name: string;
  link:
    | { kind: 'bridge'; vlanFiltering?: boolean }
    | { kind: 'veth'; peer: { ns: Ns; name: string; mac?: string; mtu?: number } };
  mac?: string;
  mtu?: number;
  up?: boolean;
  /** Name of a bridge in the same namespace. */
  master?: string;
  ifExists: 'keep' | 'fail';
}

/** `ip link set` and `bridge link set`. The outcome's `previous` has the former value of each field that is given. */
export interface LinkSet {
  op: 'link.set';
  ns: Ns;
  name: string;
  up?: boolean;
  mtu?: number;
  mac?: string;
  alias?: string;
  promisc?: boolean;
  /** Sets the MAC to what it is (NET_ADDR_SET), so that a bridge no longer takes that of a port. */
  pinMac?: boolean;
  /** The next two need a link that is a port of a bridge. */
  hairpin?: boolean;
  isolated?: boolean;
  /**
   * Needs a bridge: whether it learns no MAC from frames to 01:80:c2:00:00:0X (BR_BOOLOPT_NO_LL_LEARN), some of which
   * pass by every hook of nftables.
   */
  noLinkLocalLearn?: boolean;
}

/** `ip link delete`, by ifindex. With `mac`, a link of that name with another MAC is somebody else's and counts as missing. */
export interface LinkDelete {
  op: 'link.delete';
  ns: Ns;
  name: string;
  /** Given by a rollback: this very link, whatever it is called by now. */
  ifindex?: number;
  mac?: string;
  /** A link of another kind counts as missing: DEL must not unplug a physical device that took the name. */
  kind?: string;
  ifMissing: 'keep' | 'fail';
}

/**
 * Waits until a link carries traffic: operstate up and, on a bridge port, state forwarding and the bridge up as well, or
 * listening or learning, which a spanning tree may go on doing for half a minute. ETIMEDOUT otherwise.
 */
export interface LinkWait {
  op: 'link.wait';
  ns: Ns;
  name: string;
  timeoutMs: number;
}

/**
 * Lets the kernel send a gratuitous ARP and an unsolicited neighbour advertisement for each address of the link, by
 * setting its MAC to what it is (NETDEV_CHANGEADDR; needs the sysctls arp_notify and ndisc_notify).
 */
export interface LinkAnnounce {
  op: 'link.announce';
  ns: Ns;
  name: string;
}

/** `ip addr add`. */
export interface AddrAdd {
  op: 'addr.add';
  ns: Ns;
  link: string;
  address: string;
  /** IFA_F_NODAD: usable at once, without duplicate address detection. */
  nodad?: boolean;
  ifExists: 'keep' | 'fail';
}

/** `ip addr del`. */
export interface AddrDelete {
  op: 'addr.delete';
  ns: Ns;
  link: string;
  address: string;
  ifMissing: 'keep' | 'fail';
}

/** `ip route prepend`: what `ifExists` asks about is this very route, and not another way to the same destination. */
export interface RouteAdd {
  op: 'route.add';
  ns: Ns;
  link: string;
  dst: string;
  gw?: string;
  src?: string;
  mtu?: number;
  advmss?: number;
  priority?: number;
  /** 254 (main) when absent. */
  table?: number;
  /** RT_SCOPE_*: absent means universe (0) with a gateway, link (253) without. IPv6 knows none. */
  scope?: number;
  ifExists: 'keep' | 'fail';
}

/** `bridge vlan add` on a port. One that it is in already gets these flags: `changed`, or `kept` if it has them all. */
export interface BridgeVlanAdd {
  op: 'bridge.vlan.add';
  ns: Ns;
  link: string;
  vlans: VlanRange[];
}

/** `bridge vlan del` on a port. One that it is not in is no error: `kept` if it is in none of them. */
export interface BridgeVlanDelete {
  op: 'bridge.vlan.delete';
  ns: Ns;
  link: string;
  vlans: { from: number; to: number }[];
}

/** Writes `/proc/sys/<key>` if its value differs; EROFS with the wanted value present is no error. */
export interface SysctlSet {
  op: 'sysctl.set';
  ns: Ns;
  /** "net/ipv4/ip_forward" */
  key: string;
  value: string;
  ifMissing: 'keep' | 'fail';
  /** What a read-only /proc/sys with another value means. Absent: fail. */
  ifReadOnly?: 'keep' | 'fail';
}

/**
 * `conntrack -D`: ends connections that were begun towards a port, so that the next packet of each is looked up again. One
 * that has ended meanwhile is no error, nor is a kernel without connection tracking. `did` is `deleted` if there was one.
 */
export interface ConntrackFlush {
  op: 'conntrack.flush';
  ns: Ns;
  flows: ConntrackFlow[];
}

/** Which connections: those that agree with everything that is given. */
export interface ConntrackFlow {
  protocol: 'tcp' | 'udp' | 'sctp';
  /** Where the first packet was sent: an address, and a port. */
  ip?: string;
  port: number;
  family: 'ip' | 'ip6';
  /** Who answers them: only those that this address does, or only those that it does not. */
  answeredBy?: string;
  notAnsweredBy?: string;
}
