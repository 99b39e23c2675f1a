import { isIPv6 } from '../cni/addresses';
import type {
  AddrFact,
  Answers,
  BridgeVlanAdd,
  BridgeVlanDelete,
  LinkAdd,
  LinkFact,
  LinkSet,
  NftBatch,
  Ns,
  Query,
  RouteAdd,
  RouteFact,
  Step,
  VlanRange,
} from './contract';
import { routeText, vlanText } from './describe';
import { sameAddress, samePrefix, subnetOf } from './prefix';

/** What must be true where a step was done: a question, and what is wrong with its answer (undefined: nothing). */
export interface Expectation {
  query: Query;
  differs(fact: Answers[Query['query']]): string | undefined;
}

/** Ties the type of an answer to its question, which a list of mixed expectations then forgets. */
function expect<Q extends Query>(query: Q, differs: (fact: Answers[Q['query']]) => string | undefined): Expectation {
  return { query, differs: differs as Expectation['differs'] };
}

/**
 * What CHECK compares for a step. Only what configuration and result promise: a sysctl, an alias, or what a wait waited
 * for may be changed by others, and a removal promises nothing.
 */
export function expectationsOf(step: Step): Expectation[] {
  switch (step.op) {
    case 'link.add':
      return linkAdded(step);
    case 'link.set':
      return [expect({ query: 'link', ns: step.ns, name: step.name }, (link) => setDiffers(step, link))];
    case 'addr.add':
      return [
        expect({ query: 'addrs', ns: step.ns, link: step.link }, (addrs) =>
          addrs.some((addr) => isAddress(addr, step.address))
            ? undefined
            : `${at(step.ns, step.link)} has no address ${step.address}`,
        ),
      ];
    case 'route.add':
      return [
        expect({ query: 'routes', ns: step.ns, link: step.link }, (routes) =>
          routes.some((route) => isRoute(route, step))
            ? undefined
            : `${at(step.ns, step.link)} has no route ${routeText(step)}`,
        ),
      ];
    case 'bridge.vlan.add':
      return [expect(vlansOf(step), (found) => vlansDiffer(step, found))];
    case 'bridge.vlan.delete':
      return [expect(vlansOf(step), (found) => vlansRemain(step, found))];
    case 'nft.batch':
      return batchApplied(step);
    case 'sysctl.set':
    case 'link.delete':
    case 'link.wait':
    case 'link.announce':
    case 'addr.delete':
      return [];
    default:
      return step satisfies never;
  }
}

const at = (ns: Ns, name: string): string => (ns === 'pod' ? `${name} in the pod` : `${name} on the host`);

function linkAdded(step: LinkAdd): Expectation[] {
  const own = expect({ query: 'link', ns: step.ns, name: step.name }, (link) =>
    linkDiffers(link, at(step.ns, step.name), step, step.link.kind),
  );
  const up = expect({ query: 'link', ns: step.ns, name: step.name }, (link) =>
    link && step.up && !link.up ? `${at(step.ns, step.name)} is down` : undefined,
  );
  if (step.link.kind !== 'veth') return [own, up];
  const { peer } = step.link;
  return [
    own,
    up,
    expect({ query: 'link', ns: peer.ns, name: peer.name }, (link) =>
      linkDiffers(link, at(peer.ns, peer.name), peer, 'veth'),
    ),
  ];
}

function linkDiffers(
  link: LinkFact | null,
  what: string,
  wanted: { mac?: string; mtu?: number },
  kind: string,
): string | undefined {
  if (link === null) return `${what} is missing`;
  if (link.kind !== kind) return `${what} is not a ${kind}`;
  if (wanted.mac && link.mac !== wanted.mac) return `${what} has MAC ${link.mac}, expected ${wanted.mac}`;
  if (wanted.mtu && link.mtu !== wanted.mtu) return `${what} has MTU ${link.mtu}, expected ${wanted.mtu}`;
  return undefined;
}

function setDiffers(step: LinkSet, link: LinkFact | null): string | undefined {
  const what = at(step.ns, step.name);
  if (link === null) return `${what} is missing`;
  const found = {
    up: link.up,
    mtu: link.mtu,
    mac: link.mac,
    promisc: link.promiscFlag,
    hairpin: link.port?.hairpin,
    isolated: link.port?.isolated,
  };
  for (const [key, value] of Object.entries(found)) {
    const wanted = step[key as keyof typeof found];
    if (wanted !== undefined && wanted !== value) return `${what} has ${key} ${value}, expected ${wanted}`;
  }
  return undefined;
}

/** An address that failed duplicate address detection is there, but nobody may use it. */
function isAddress(addr: AddrFact, wanted: string): boolean {
  return !addr.dadFailed && samePrefix(addr.address, wanted);
}

/** Without a gateway the destinations are on the link; IPv6 knows no scopes. */
function isRoute(route: RouteFact, wanted: RouteAdd): boolean {
  return (
    samePrefix(subnetOf(route.dst), subnetOf(wanted.dst)) &&
    (wanted.gw === undefined ? route.gw === null : route.gw !== null && sameAddress(route.gw, wanted.gw)) &&
    route.table === (wanted.table ?? 254) &&
    isAsAsked(route.priority, wanted.priority) &&
    isAsAsked(route.mtu, wanted.mtu) &&
    isAsAsked(route.advmss, wanted.advmss) &&
    (isIPv6(wanted.dst) || isAsAsked(route.scope, wanted.scope))
  );
}

const isAsAsked = (value: number | null, wanted: number | undefined) => wanted === undefined || value === wanted;

const vlansOf = ({ ns, link }: BridgeVlanAdd | BridgeVlanDelete) => ({ query: 'vlans', ns, link }) as const;

/** Of each VLAN of a list, its flags. */
function flagsById(vlans: readonly VlanRange[]): Map<number, string> {
  const ids = ({ from, to }: VlanRange) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
  return new Map(vlans.flatMap((range) => ids(range).map((id) => [id, vlanText({ ...range, from: id, to: id })])));
}

function vlansDiffer({ ns, link, vlans }: BridgeVlanAdd, found: readonly VlanRange[]): string | undefined {
  const present = flagsById(found);
  for (const [id, wanted] of flagsById(vlans)) {
    if (!present.has(id)) return `${at(ns, link)} is not in ${wanted}`;
    if (present.get(id) !== wanted) return `${at(ns, link)} is in ${present.get(id)}, expected ${wanted}`;
  }
  return undefined;
}

function vlansRemain({ ns, link, vlans }: BridgeVlanDelete, found: readonly VlanRange[]): string | undefined {
  const present = flagsById(found);
  const left = [...flagsById(vlans).keys()].find((id) => present.has(id));
  return left === undefined ? undefined : `${at(ns, link)} is still in VLAN ${left}`;
}

function batchApplied({ ns, family, table, ensure, add = [] }: NftBatch): Expectation[] {
  const rules = (ensure?.rules ?? []).map(({ chain, comment }) =>
    expect({ query: 'nft.rules', ns, family, table, chain }, (found) =>
      found?.some((rule) => rule.comment === comment)
        ? undefined
        : `nftables chain ${family} ${table} ${chain} has no rule "${comment}"`,
    ),
  );
  const elements = add.map(({ set, keys }) =>
    expect({ query: 'nft.elements', ns, family, table, set }, (found) => {
      const missing = keys.filter((key) => !found?.some((element) => sameAddress(element.key, key)));
      return missing.length > 0 ? `nftables set ${family} ${table} ${set} lacks ${missing.join(', ')}` : undefined;
    }),
  );
  return [...rules, ...elements];
}
