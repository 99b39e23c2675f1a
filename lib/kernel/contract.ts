/**
 * The contract with the native addon (`native/addon.cc`): plain data in, plain data out. A test asserts that the addon
 * exports exactly the functions of {@link Native}. Lengths of time are microseconds unless a name says otherwise; MAC
 * addresses are lower-case and colon-separated; an address is written without its prefix length ("10.1.2.3",
 * "fd00::1") where a field is called `ip`, and with it ("10.1.2.3/24") where it is called `address` or `dst`.
 */
import type { Door } from './door';

/** In which network namespace something is: the one the plugin was called in, or the one it was called for. */
export type Ns = 'host' | 'pod';

/** Where `host` and `pod` are: paths of network namespaces. Without `host`, the calling process's own. */
export interface Places {
  host?: string;
  pod?: string;
}

/** Where a call works: in namespaces that are opened for it, or in those that {@link Native.visit} keeps open. */
export type Where = Places | { visit: number };

// ---------------------------------------------------------------------------------------------- observe

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
  /** Only on a bridge. `defaultPvid` is the VLAN that a new port is put into, untagged; 0 for none, or without VLAN filtering in the kernel. `noLinkLocalLearn`: see {@link LinkSet}. */
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
  /** As in {@link NftElements.keys}. */
  key: string;
  /** What the key is mapped to, in a map: as in {@link NftElements.data}. */
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

// ------------------------------------------------------------------------------------------------ steps

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
   * among its constants ({@link NftRuleFact}). What is not there is no error.
   */
  drop?: {
    sets: string[];
    rules: { chain: string; comment: string; constant?: string }[];
    chains?: { name: string; from: string }[];
  };
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

// --------------------------------------------------------------------------------------------- outcomes

/** What became of one step. */
export interface Outcome {
  did: 'created' | 'changed' | 'deleted' | 'kept';
  us: number;
  /** Of the link that a step made, changed or kept. */
  ifindex?: number;
  mac?: string;
  mtu?: number;
  /** Of a veth's other end. */
  peer?: { ifindex: number; mac: string; mtu: number };
  /** What a `link.set` or `sysctl.set` found, in the step's own field names. Only fields that changed. */
  previous?: {
    up?: boolean;
    mtu?: number;
    mac?: string;
    alias?: string;
    promisc?: boolean;
    hairpin?: boolean;
    isolated?: boolean;
    noLinkLocalLearn?: boolean;
    value?: string;
  };
  /** The elements that an `nft.batch` really added (those that were there already are left out). */
  added?: NftElements[];
  /** An `nft.batch` found its table missing, and made it: whatever others had in it is lost. */
  madeTable?: true;
}

/** A failure of the kernel, or of what leads to it. */
export interface KernelFault {
  /** What was being done, in words: "add link veth0 to netns /run/netns/a". */
  op: string;
  /** "EEXIST"; "" when the fault is none of the kernel's. */
  errno: string;
  /** 17 for EEXIST. */
  code: number;
  /** strerror's text: "File exists". */
  message: string;
  /** The kernel's own explanation (NLMSGERR_ATTR_MSG), "" for none. Of a taken element: {@link NftElements.ifTaken}. */
  extack: string;
}

export interface Applied {
  /** One for each step that was done; shorter than the steps if one failed (mode `stop`). */
  outcomes: (Outcome | null)[];
  /** Mode `stop`: at most one. Mode `continue`: the steps that failed; their outcome is null. `us`: until it failed. */
  faults: (KernelFault & { step: number; us: number })[];
}

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
  /** sd_notify(3): sends `state` to the socket that NOTIFY_SOCKET names. */
  notify(socket: string, state: string): Promise<null>;
}
