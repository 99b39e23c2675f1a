import type { NftChain, NftEnsure, NftExpr, NftRule, NftSet } from '../../kernel/contract';
import { base32, digest } from '../../plugin/identity';
import {
  addressField,
  bitsOf,
  type Family,
  fromLink,
  inPrefix,
  isFamily,
  isToHost,
  isTranslated,
  loadAddress,
  masked,
  maskOf,
} from '../nft-exprs';
import { commentLimit } from '../owned-elements';
import { remembered } from '../remembered';
import { alternatives, type Condition, conditionsText } from './conditions';
import type { Protocol } from './config';

/**
 * Port mappings of the whole node: one table, whose rules look up in maps where a port leads to. Neither their number nor
 * what a packet costs depends on how many pods and mappings there are:
 *
 *     prerouting, output   fib daddr type local ip daddr != @services_v4 jump hostports
 *     hostports            jump conditional
 *                          dnat ip to ip daddr . meta l4proto . th dport map @at_v4
 *                          dnat ip to meta l4proto . th dport map @any_v4
 *     postrouting          meta l4proto tcp ct status dnat (ip saddr & 255.255.255.0) . ip daddr . meta l4proto
 *                              . ct original proto-dst @masq_v4_24 masquerade
 *     input                iifname != "lo" ip daddr 127.0.0.0/8 ct status dnat accept
 *                          iifname != "lo" ip daddr 127.0.0.0/8 drop
 *
 * and the same for IPv6, but for the last two. Mappings that are for some packets only have maps of their own, which the rules
 * of `conditional` look up. So what is said more precisely wins, whichever came first.
 */
export const own = { ns: 'host', family: 'inet', table: 'trestle_portmap' } as const;
/** What the table's comment says; a later version that lays it out differently counts up. */
const schema = 'trestle schema 1';

/**
 * Behind dstnat (-100), so that what the administrator or kube-proxy decides there stands, and never exactly there, where
 * the order would be that of registration. `postrouting` is behind ipMasq's (105): either masquerades, the order says who.
 */
const chains: NftChain[] = [
  { name: 'prerouting', hook: { type: 'nat', hook: 'prerouting', priority: -95 } },
  { name: 'output', hook: { type: 'nat', hook: 'output', priority: -95 } },
  { name: 'postrouting', hook: { type: 'nat', hook: 'postrouting', priority: 110 } },
  { name: 'input', hook: { type: 'filter', hook: 'input', priority: -5 } },
  { name: 'conditional' },
  { name: 'hostports' },
];

export const families: readonly Family[] = ['ip', 'ip6'];
const version = { ip: 'v4', ip6: 'v6' } as const;
const twoAddresses = {
  ip: 'ipv4_addr . ipv4_addr . inet_proto . inet_service',
  ip6: 'ipv6_addr . ipv6_addr . inet_proto . inet_service',
} as const;
const addressType = { ip: 'ipv4_addr', ip6: 'ipv6_addr' } as const;

/** Addresses of the host's that are not its own but those of services (kube-proxy puts them on a link for IPVS). */
export const servicesSet = (family: Family): NftSet => ({
  name: `services_${version[family]}`,
  key: addressType[family],
  comment: 'addresses of services, whose ports are not for host ports',
});

/** Which packets the mappings of a network are for. */
export interface Policy {
  family: Family;
  conditions: readonly Condition[];
}

const suffixOf = ({ family, conditions }: Policy): string =>
  conditions.length === 0 ? '' : `_${base32(digest('conditions', family, conditionsText(conditions)), 10)}`;

/** The map of mappings that name an address of the host's, or of those that do not. */
export function mapOf(policy: Policy, where: 'at' | 'any'): NftSet {
  const { family, conditions } = policy;
  const type = addressType[family];
  const of = conditions.length === 0 ? 'everything' : conditionsText(conditions);
  return {
    name: `${where}_${version[family]}${suffixOf(policy)}`,
    key: where === 'at' ? `${type} . inet_proto . inet_service` : 'inet_proto . inet_service',
    data: `${type} . inet_service`,
    comment: `host ports ${where === 'at' ? 'of an address' : 'of every address'}, for ${of}`.slice(0, commentLimit),
  };
}

/** Who is masqueraded on the way to which pod's port: sources by their first `prefixLength` bits. */
export function masqueradeSet(family: Family, prefixLength: number): NftSet {
  return {
    name: `masq_${version[family]}_${prefixLength}`,
    key: twoAddresses[family],
    comment: `first ${prefixLength} bits of a source, pod, protocol, host port`,
  };
}

/** Registers of 4 bytes; 8 is where register 1 begins. */
const first = 8;

/** Bytes 2 and 3 of TCP, UDP and SCTP: the destination port. */
const loadPort = (dreg: number): NftExpr => ({ expr: 'payload', base: 'transport', offset: 2, length: 2, dreg });
const loadProtocol = (dreg: number): NftExpr => ({ expr: 'meta', key: 'l4proto', dreg });

/** What a packet is looked up by, which ends where the mapped address and port are put. */
function translation(policy: Policy, where: 'at' | 'any'): NftExpr[] {
  const { family } = policy;
  const words = bitsOf(family) / 32;
  const behind = first + (where === 'at' ? words : 0);
  return [
    ...(where === 'at' ? [loadAddress(addressField(family, 'daddr'), first)] : []),
    loadProtocol(behind),
    loadPort(behind + 1),
    { expr: 'lookup', sreg: first, set: mapOf(policy, where).name, dreg: first },
    { expr: 'dnat', family, address: first, port: first + words },
  ];
}

function translations(policy: Policy): NftRule[] {
  const ways = alternatives(policy.conditions, policy.family);
  return (['at', 'any'] as const).flatMap((where) =>
    ways.map((way, i) => ({
      chain: policy.conditions.length === 0 ? 'hostports' : 'conditional',
      comment: `${mapOf(policy, where).name}${ways.length > 1 ? ` ${i + 1}` : ''}`,
      exprs: [...isFamily(policy.family), ...way, ...translation(policy, where)],
    })),
  );
}

/** IPPROTO_* */
const protocolNumbers: Readonly<Record<Protocol, string>> = { tcp: '06', udp: '11', sctp: '84' };

/** A rule for each protocol, though it is part of the key: `nft` reads back what it lists only where it knows whose ports these are. */
function masquerading(family: Family, prefixLength: number): NftRule[] {
  const bits = bitsOf(family);
  const words = bits / 32;
  const set = masqueradeSet(family, prefixLength).name;
  return Object.entries(protocolNumbers).map(([protocol, data]) => ({
    chain: 'postrouting',
    comment: `${set} ${protocol}`,
    exprs: [
      ...isFamily(family),
      loadProtocol(1),
      { expr: 'cmp', sreg: 1, op: 'eq', data },
      ...isTranslated,
      loadAddress(addressField(family, 'saddr'), first),
      masked(first, maskOf(prefixLength, bits)),
      loadAddress(addressField(family, 'daddr'), first + words),
      loadProtocol(first + 2 * words),
      { expr: 'ct', key: 'proto-dst', direction: 'original', dreg: first + 2 * words + 1 },
      { expr: 'lookup', sreg: first, set },
      { expr: 'masq' },
    ],
  }));
}

/** To an address of the host's own, on the way in and on the way from itself. */
function entrances(): NftRule[] {
  return ['prerouting', 'output'].flatMap((chain) =>
    families.map((family) => ({
      chain,
      comment: `to this host, ${version[family]}`,
      exprs: [
        ...isFamily(family),
        loadAddress(addressField(family, 'daddr')),
        { expr: 'lookup', sreg: 1, set: servicesSet(family).name, invert: true },
        ...isToHost,
        { expr: 'verdict', verdict: 'jump', chain: 'hostports' },
      ],
    })),
  );
}

const precedence: NftRule = {
  chain: 'hostports',
  comment: 'with conditions first',
  exprs: [{ expr: 'verdict', verdict: 'jump', chain: 'conditional' }],
};

/**
 * What listens on 127.0.0.1 counts on nobody else reaching it, which route_localnet would undo (CVE-2020-8558). Without a
 * connection there is no status to look at: the second rule is for those, too.
 */
function guard(): NftRule[] {
  const fromOutside = [
    ...fromLink('lo', true),
    ...isFamily('ip'),
    ...inPrefix(addressField('ip', 'daddr'), '127.0.0.0/8'),
  ];
  return [
    {
      chain: 'input',
      comment: 'translated to 127.0.0.0/8',
      exprs: [...fromOutside, ...isTranslated, { expr: 'verdict', verdict: 'accept' }],
    },
    {
      chain: 'input',
      comment: 'nobody but this host reaches its 127.0.0.0/8',
      exprs: [...fromOutside, { expr: 'verdict', verdict: 'drop' }],
    },
  ];
}

const everything: Policy[] = families.map((family) => ({ family, conditions: [] }));

/** Sources that are looked up by as many of their first bits. */
type SourceKind = { family: Family; prefixLength: number };

/** The table, with what these policies and these kinds of sources need of it. */
export const ensureFor = remembered(
  (policies: readonly Policy[], sources: readonly SourceKind[]) =>
    JSON.stringify([policies, sources.map(({ family, prefixLength }) => [family, prefixLength])]),
  makeEnsure,
);

function makeEnsure(policies: readonly Policy[], sources: readonly SourceKind[]): NftEnsure {
  const all = byKey([...everything, ...policies], suffixOfFamily);
  const kinds = byKey(sources, ({ family, prefixLength }) => masqueradeSet(family, prefixLength).name);
  return {
    comment: schema,
    chains,
    sets: [
      ...families.map(servicesSet),
      ...all.flatMap((policy) => [mapOf(policy, 'at'), mapOf(policy, 'any')]),
      ...kinds.map(({ family, prefixLength }) => masqueradeSet(family, prefixLength)),
    ],
    rules: [
      ...entrances(),
      precedence,
      ...guard(),
      ...all.flatMap(translations),
      ...kinds.flatMap(({ family, prefixLength }) => masquerading(family, prefixLength)),
    ],
  };
}

const suffixOfFamily = (policy: Policy): string => `${policy.family}${suffixOf(policy)}`;

function byKey<T>(things: readonly T[], keyOf: (thing: T) => string): T[] {
  return [...new Map(things.map((thing) => [keyOf(thing), thing])).values()];
}
