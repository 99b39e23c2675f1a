import { isIPv6, toBytes } from '../cni/addresses';
import type { NftBatch, NftElementFact, NftEnsure, NftExpr, NftSet, NftSetFact, Query } from '../kernel/contract';
import { ipOf, prefix, subnetOf } from '../kernel/prefix';
import type { Debris } from '../plugin/define';
import { base32, digest } from '../plugin/identity';
import { addressField, inPrefix, isFamily, loadAddress } from './nft-exprs';
import { commentLimit, elementDebris, elementRemoval, elementsOf, ownerOf } from './owned-elements';
import { remembered } from './remembered';

/**
 * Masquerading of what pods send out of their subnet: one table, and for each network and subnet one set of pod
 * addresses and one rule, whatever the number of pods. The rule reads
 *
 *     ip saddr @pods_<network>_<hash> ip daddr != <subnet> ip daddr != 224.0.0.0/4 masquerade
 *
 * so that pods of two networks are masqueraded towards each other and networks may overlap.
 */
const own = { ns: 'host', family: 'inet', table: 'trestle_masquerade' } as const;
/** What the table's comment says; a later version that lays it out differently counts up. */
const schema = 'trestle schema 1';
/**
 * Behind srcnat (100), so that what the administrator or kube-proxy decides there stands; not exactly 100, where the
 * order would be that of registration.
 */
const chain = { name: 'postrouting', hook: { type: 'nat', hook: 'postrouting', priority: 105 } } as const;

/** Kernel limit on a set's name: NFT_SET_MAXNAMELEN is 256 with its NUL; part of the network's name is for the reader, the hash tells them apart. */
const readableLength = 100;

/**
 * What a set holds addresses of. Addresses that come without a subnet ("10.5.0.9/32") have no neighbours to spare and
 * share one, "/32" or "/128": a set and a rule for each would pile up.
 */
function groupOf(address: string): string {
  const { prefixLength } = prefix(address);
  return prefixLength === toBytes(prefix(address).address).length * 8 ? `/${prefixLength}` : subnetOf(address);
}

type AddressSet = NftSet & { key: 'ipv4_addr' | 'ipv6_addr' };

/** The set of pods of `network` with an address in `group`. Its comment can be read back, by nft (no quotes) and by {@link isSetOf}. */
function setOf(network: string, group: string): AddressSet {
  const name = `pods_${network.slice(0, readableLength)}_${base32(digest(network, group), 10)}`;
  return {
    name,
    key: group === '/128' || isIPv6(group) ? 'ipv6_addr' : 'ipv4_addr',
    comment: `subnet ${group} of network ${network}`.slice(0, commentLimit),
  };
}

/** Whether it is one of the network's sets. The comment may have been cut and the name holds a hash, so it is made anew. */
function isSetOf(network: string, { name, comment }: NftSetFact): boolean {
  const [, group] = comment.match(/^subnet (\S+) of network /) ?? [];
  return group !== undefined && setOf(network, group).name === name;
}

const multicast = { ip: '224.0.0.0/4', ip6: 'ff00::/8' } as const;

function ruleOf(set: AddressSet, group: string): NftExpr[] {
  const family = set.key === 'ipv4_addr' ? 'ip' : 'ip6';
  const destination = addressField(family, 'daddr');
  return [
    ...isFamily(family),
    loadAddress(addressField(family, 'saddr')),
    { expr: 'lookup', sreg: 1, set: set.name },
    ...(group.startsWith('/') ? [] : inPrefix(destination, group, true)),
    ...inPrefix(destination, multicast[family], true),
    { expr: 'masq' },
  ];
}

interface Place {
  set: AddressSet;
  group: string;
  ip: string;
}

/** Which addresses go into (or come out of) which set. */
function placed(network: string, addresses: readonly string[]): Place[] {
  return addresses.map((address) => {
    const group = groupOf(address);
    return { set: setOf(network, group), group, ip: ipOf(address) };
  });
}

const ensureFor = remembered((places: readonly Place[]) => places.map(({ set }) => set.name).join(' '), makeEnsure);

function makeEnsure(places: readonly Place[]): NftEnsure {
  const sets = [...new Map(places.map((place) => [place.set.name, place])).values()];
  return {
    comment: schema,
    chains: [chain],
    sets: sets.map(({ set }) => set),
    rules: sets.map(({ set, group }) => ({ chain: chain.name, comment: set.name, exprs: ruleOf(set, group) })),
  };
}

/** Masquerades a pod's addresses ("10.1.2.3/24"), setting up what the network lacks. */
export function masquerade(
  network: string,
  containerId: string,
  ifname: string,
  addresses: readonly string[],
): NftBatch {
  const places = placed(network, addresses);
  return {
    op: 'nft.batch',
    ...own,
    ensure: ensureFor(places),
    add: places.map(({ set, ip }) => ({ set: set.name, keys: [ip], comment: ownerOf({ containerId, ifname }) })),
  };
}

/** Takes a pod's addresses out again. */
export function unmasquerade(
  network: string,
  containerId: string,
  ifname: string,
  addresses: readonly string[],
): NftBatch {
  const comment = ownerOf({ containerId, ifname });
  return elementRemoval(
    own,
    placed(network, addresses).map(({ set, ip }) => ({ set: set.name, keys: [ip], comment })),
  );
}

/** Asks whether the kernel could masquerade, IPv4 and IPv6: an error where it has no nftables, or none that translates. */
export function masqueradeTrial(): Query {
  return { query: 'nft.trial', ...own, ensure: ensureFor(placed('', ['192.0.2.1/24', '2001:db8::1/64'])) };
}

/** Asks for our table's sets; null while nothing was ever masqueraded. */
export const masqueradeSets = { query: 'nft.sets', ...own } as const satisfies Query;

/** The questions that find a network's elements, once its sets are known. */
export function elementQueries(network: string, sets: NftSetFact[] | null): Record<string, Query> {
  const ofNetwork = (sets ?? []).filter((set) => isSetOf(network, set));
  return Object.fromEntries(ofNetwork.map(({ name }) => [name, elementsOf(own, name)]));
}

/** What GC may find in one of those sets. */
export function masqueradeDebris(set: string, elements: readonly NftElementFact[]): Debris[] {
  return elementDebris(own, set, elements);
}
