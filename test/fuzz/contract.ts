import fc from 'fast-check';
import type { Native, Query, Step } from '../../lib/kernel/contract';
import {
  type Fields,
  flag,
  integer,
  isEmptyList,
  isInteger,
  isText,
  type Kind,
  list,
  object,
  optional,
  strict,
  text,
  texts,
} from './kinds';

const ns = strict('host', 'pod');
const onConflict = strict('keep', 'fail');
const link: Kind = {
  valid: fc.constantFrom('v0', 'v1', 'b0', 'eth0', 'lo', 'x'),
  takes: (value) => isText(value, 15) && /^[^/:%\s]+$/.test(value) && !['.', '..'].includes(value),
};
const mac = strict('02:00:00:00:00:01', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00');
const mtu = integer(0, 2 ** 31 - 1, 0, 67, 1280, 1500, 65_535, 2 ** 31 - 1);
/** Of a route. */
const metric = integer(1, 2 ** 31 - 1, 1, 1400, 2 ** 31 - 1);
const u32 = integer(0, 2 ** 32 - 1, 0, 1, 254, 2 ** 32 - 1);
const ip = strict('10.1.2.1', 'fd00::1', '0.0.0.0', '::');
const address = strict('10.1.2.3/24', 'fd00::3/64', '0.0.0.0/0', '::/0', '255.255.255.255/32', 'ff02::1/128');
const sysctl: Kind = {
  valid: fc.constantFrom('net/ipv4/conf/lo/arp_notify', 'net/ipv6/conf/x/accept_dad', 'net/nosuch'),
  takes: (value) => isText(value, 255) && value !== '',
};
const vid = integer(1, 4094, 1, 2, 100, 4094);
const name = text(255, 's', 't', 'c', 'x'.repeat(255));
const comment = text(127, '', 'a comment', 'x'.repeat(127));
/** By which a rule is known. */
const mark: Kind = { valid: fc.constantFrom('r', 's'), takes: (value) => isText(value, 127) && value !== '' };
const family = strict('inet', 'ip', 'ip6', 'bridge');

const peer = object({ ns, name: link, mac: optional(mac), mtu: optional(mtu) });
const pair = object({ kind: strict('veth'), peer });

const exprs: Kind = {
  valid: fc.constantFrom<unknown>(
    [],
    [{ expr: 'counter' }, { expr: 'verdict', verdict: 'accept' }],
    [
      { expr: 'payload', base: 'network', offset: 12, length: 4, dreg: 1 },
      { expr: 'lookup', sreg: 1, set: 's' },
      { expr: 'masq' },
    ],
    [
      { expr: 'bitwise', sreg: 1, dreg: 1, length: 1, mask: 'ff', xor: '00' },
      { expr: 'cmp', sreg: 1, op: 'eq', data: '00' },
    ],
    [
      { expr: 'meta', key: 'mark', dreg: 4 },
      { expr: 'cmp', sreg: 4, op: 'neq', data: '00'.repeat(4) },
    ],
    [
      { expr: 'meta', key: 'l4proto', dreg: 8 },
      { expr: 'ct', key: 'proto-dst', direction: 'original', dreg: 9 },
      { expr: 'lookup', sreg: 1, set: 's', dreg: 1 },
      { expr: 'dnat', family: 'ip', address: 1, port: 9 },
    ],
    [
      { expr: 'ct', key: 'status', dreg: 23 },
      { expr: 'fib', result: 'type', of: 'daddr', dreg: 1 },
      { expr: 'verdict', verdict: 'jump', chain: 'c' },
    ],
  ),
  takes: (value) => isEmptyList(value),
};

const hook = object({
  type: strict('nat', 'filter', 'route'),
  hook: strict('postrouting', 'forward'),
  priority: { valid: fc.constantFrom(-100, 105), takes: (value) => isInteger(value, -(2 ** 31), 2 ** 31 - 1) },
});
const ensure = object({
  comment,
  chains: list({ name, hook: optional(hook) }),
  sets: list({
    name,
    key: strict(
      'ipv4_addr',
      'ipv6_addr',
      'ifname',
      'ifname . ether_addr',
      'inet_proto . inet_service',
      'ipv4_addr . inet_proto . inet_service',
      'ipv6_addr . ipv6_addr . inet_proto . inet_service',
    ),
    data: optional(strict('ipv4_addr . inet_service', 'ipv6_addr . inet_service')),
    comment,
  }),
  rules: list({ chain: name, comment: mark, exprs }),
});
const keys = texts('10.1.2.3', 'fd00::3', 'v0', 'v0 . 02:00:00:00:00:01', 'tcp . 80', 'fd00::3 . sctp . 65535');
const elements = list({
  set: name,
  keys,
  data: optional(strict('10.1.2.3 . 80', 'fd00::3 . 0')),
  comment: optional(comment),
  ifTaken: optional(strict('fail')),
});
const drop = object({
  sets: texts('s'),
  rules: list({ chain: name, comment, constant: optional(text(255, '0a010203', '')) }),
  chains: optional(list({ name, from: name })),
});

/** Of one family, which the addresses must be of. */
const podIp = strict('10.1.2.3', '10.1.2.4');
const flows = list({
  protocol: strict('tcp', 'udp', 'sctp'),
  family: strict('ip'),
  ip: optional(podIp),
  port: integer(0, 65_535, 0, 53, 65_535),
  answeredBy: optional(podIp),
  notAnsweredBy: optional(podIp),
});

/** Ranges that are one VLAN each, which may then be the port's own. */
const vlans = (fields: Fields): Kind => {
  const all = list(fields);
  const valid = all.valid.map((ranges) =>
    (ranges as { from: number }[]).map((range) => ({ ...range, to: range.from })),
  );
  return { ...all, valid };
};

/** Every step of the contract: a new one is a line here. */
export const steps = {
  'link.add': {
    ns,
    name: link,
    link: pair,
    mac: optional(mac),
    mtu: optional(mtu),
    up: optional(flag),
    master: optional(link),
    ifExists: onConflict,
  },
  'link.set': {
    ns,
    name: link,
    up: optional(flag),
    mtu: optional(mtu),
    mac: optional(mac),
    alias: optional(text(255, '', 'a', 'x'.repeat(255))),
    promisc: optional(flag),
    pinMac: optional(flag),
    hairpin: optional(flag),
    isolated: optional(flag),
  },
  'link.delete': {
    ns,
    name: link,
    ifindex: optional(integer(1, 2 ** 31 - 1, 1, 99)),
    mac: optional(mac),
    kind: optional(text(64, 'veth', 'bridge')),
    ifMissing: onConflict,
  },
  'link.wait': { ns, name: link, timeoutMs: integer(0, 2 ** 31 - 1, 0, 1) },
  'link.announce': { ns, name: link },
  'addr.add': { ns, link, address, nodad: optional(flag), ifExists: onConflict },
  'addr.delete': { ns, link, address, ifMissing: onConflict },
  'route.add': {
    ns,
    link,
    dst: address,
    gw: optional(ip),
    src: optional(ip),
    mtu: optional(metric),
    advmss: optional(metric),
    priority: optional(u32),
    table: optional(integer(1, 2 ** 32 - 1, 1, 254, 2 ** 32 - 1)),
    scope: optional(integer(0, 255, 0, 253)),
    ifExists: onConflict,
  },
  'bridge.vlan.add': { ns, link, vlans: vlans({ from: vid, to: vid, pvid: optional(flag), untagged: optional(flag) }) },
  'bridge.vlan.delete': { ns, link, vlans: vlans({ from: vid, to: vid }) },
  'sysctl.set': {
    ns,
    key: sysctl,
    value: text(4095, '0', '1'),
    ifMissing: onConflict,
    ifReadOnly: optional(onConflict),
  },
  'nft.batch': {
    ns,
    family,
    table: name,
    ensure: optional(ensure),
    add: optional(elements),
    remove: optional(elements),
    drop: optional(drop),
  },
  'conntrack.flush': { ns, flows },
} satisfies Record<Step['op'], Fields>;

/** Every question. */
export const queries = {
  link: { ns, name: link },
  links: { ns },
  addrs: { ns, link },
  routes: { ns, link },
  route: { ns, dst: ip },
  vlans: { ns, link },
  sysctl: { ns, key: sysctl },
  netns: { ns },
  'nft.elements': { ns, family, table: name, set: name },
  'nft.lookup': { ns, family, table: name, set: name, keys },
  'nft.tables': { ns },
  'iptables.legacy': { ns },
  'nft.sets': { ns, family, table: name },
  'nft.rules': { ns, family, table: name, chain: name },
  'nft.trial': { ns, family, table: name, ensure },
} satisfies Record<Query['query'], Fields>;

/** What is watched. */
export const watch: Fields = { prefix: text(255, 't', ''), links: texts('v0', 'lo') };

/** The request of a lock; `path` is a file of the test's own. */
export const lock = (path: string): Fields => ({
  kind: strict('ofd'),
  path: { valid: fc.constant(path), takes: () => false },
  timeoutMs: integer(0, 2 ** 31 - 1, 0, 1),
  offset: integer(0, Number.MAX_SAFE_INTEGER, 0, 1, 2 ** 40),
});

/** A program to run, in a namespace that there is not: whatever is taken after all is not run. */
export const program: Fields = {
  netns: strict('/run/nosuch'),
  args: { ...texts('true', '', '-x'), valid: fc.constantFrom(['true'], ['true', '', '-x']), takes: () => false },
  env: texts('PATH=/nosuch', 'A=', 'B'),
};

/** What the functions are when nobody has checked what they are given. */
export type Unchecked = Record<keyof Native, (...args: unknown[]) => Promise<unknown>>;
