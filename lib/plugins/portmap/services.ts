import { isIPv6 } from '../../cni/addresses';
import type { AddrFact, NftBatch, NftElementFact, NftElements, Query, Step } from '../../kernel/contract';
import { ipOf } from '../../kernel/prefix';
import type { Facts, Queries } from '../../plugin/define';
import type { Family } from '../nft-exprs';
import { elementsOf } from '../owned-elements';
import { ensureFor, families, own, servicesSet } from './table';

/**
 * kube-proxy in IPVS mode gives every service's address to this link, so that the host takes it for its own. What is
 * sent there is for the service, whatever host ports there are.
 */
export const servicesLink = 'kube-ipvs0';

export const servicesQueries = {
  services: { query: 'addrs', ns: 'host', link: servicesLink },
  servicesKnown: elementsOf(own, servicesSet('ip').name),
  servicesKnown6: elementsOf(own, servicesSet('ip6').name),
} as const satisfies Record<string, Query>;

/** Brings the sets of services' addresses up to date; undefined where they are. */
export function servicesStep({
  services,
  servicesKnown,
  servicesKnown6,
}: Facts<typeof servicesQueries>): NftBatch | undefined {
  const known = { ip: servicesKnown, ip6: servicesKnown6 };
  const changes = families.map((family) => change(family, services, known[family] ?? []));
  const add = changes.flatMap(({ add }) => add);
  const remove = changes.flatMap(({ remove }) => remove);
  if (add.length === 0 && remove.length === 0) return undefined;
  return { op: 'nft.batch', ...own, ensure: ensureFor([], []), add, remove };
}

function change(family: Family, services: readonly AddrFact[], known: readonly NftElementFact[]) {
  const wanted = services
    .filter(({ address, scope }) => scope !== 'link' && isIPv6(address) === (family === 'ip6'))
    .map(({ address }) => ipOf(address));
  const there = known.map(({ key }) => key);
  const elements = (keys: string[]): NftElements[] =>
    keys.length > 0 ? [{ set: servicesSet(family).name, keys }] : [];
  const [wantedSet, thereSet] = [new Set(wanted), new Set(there)];
  return {
    add: elements(wanted.filter((ip) => !thereSet.has(ip))),
    remove: elements(there.filter((ip) => !wantedSet.has(ip))),
  };
}

/** Nothing where nobody has had a port mapped yet. */
export function servicesUpkeep(known: Facts<Queries>): Step[] {
  const facts = known as Facts<typeof servicesQueries>;
  const step = facts.servicesKnown === null ? undefined : servicesStep(facts);
  return step ? [step] : [];
}
