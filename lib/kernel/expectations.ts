import { isIPv6 } from '../cni/addresses';
import type {
  AddrAdd,
  AddrFact,
  Answers,
  BridgeVlanAdd,
  BridgeVlanDelete,
  LinkAdd,
  LinkFact,
  LinkSet,
  NftBatch,
  NftElementFact,
  NftElements,
  Ns,
  Query,
  RouteAdd,
  RouteFact,
  Step,
  VlanRange,
} from './contract';
import { routeText, vlanText } from './describe';
import { sameAddress, samePrefix, subnetOf } from './prefix';

/** What must be true where a step was done: a question, and what is wrong with its answer, a sentence for each thing. */
export interface Expectation {
  query: Query;
  differs(fact: Answers[Query['query']]): string[];
}

/** Ties the type of an answer to its question, which a list of mixed expectations then forgets. */
function expect<Q extends Query>(
  query: Q,
  differs: (fact: Answers[Q['query']]) => string[] | string | undefined,
): Expectation {
  return { query, differs: (fact) => [differs(fact as Answers[Q['query']]) ?? []].flat() };
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
      return [expect({ query: 'addrs', ns: step.ns, link: step.link }, (addrs) => addressDiffers(step, addrs))];
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
    case 'conntrack.flush':
    case 'addr.delete':
      return [];
    default:
      return step satisfies never;
  }
}

const at = (ns: Ns, name: string): string => (ns === 'pod' ? `${name} in the pod` : `${name} on the host`);

function linkAdded(step: LinkAdd): Expectation[] {
  const { link: device } = step;
  const ends = [{ ...step, kind: device.kind }, ...(device.kind === 'veth' ? [{ ...device.peer, kind: 'veth' }] : [])];
  return ends.map((end) => expect({ query: 'link', ns: end.ns, name: end.name }, (link) => linkDiffers(end, link)));
}

interface WantedLink {
  ns: Ns;
  name: string;
  kind: string;
  mac?: string;
  mtu?: number;
  up?: boolean;
}

function linkDiffers({ ns, name, kind, mac, mtu, up }: WantedLink, link: LinkFact | null): string[] {
  const what = at(ns, name);
  if (link === null) return [`${what} is missing`];
  if (link.kind !== kind) return [`${what} is not a ${kind} but a ${link.kind || 'physical device'}`];
  return [
    ...(mac && link.mac !== mac ? [`${what} has MAC ${link.mac}, expected ${mac}`] : []),
    ...(mtu && link.mtu !== mtu ? [`${what} has MTU ${link.mtu}, expected ${mtu}`] : []),
    ...(up && !link.up ? [`${what} is down`] : []),
  ];
}

function setDiffers(step: LinkSet, link: LinkFact | null): string[] {
  const what = at(step.ns, step.name);
  if (link === null) return [`${what} is missing`];
  const found = {
    mtu: link.mtu,
    mac: link.mac,
    promisc: link.promiscFlag,
    hairpin: link.port?.hairpin ?? false,
    isolated: link.port?.isolated ?? false,
    noLinkLocalLearn: link.bridge?.noLinkLocalLearn ?? false,
  };
  const others = Object.entries(found).flatMap(([key, value]) => {
    const wanted = step[key as keyof typeof found];
    return wanted === undefined || wanted === value ? [] : [`${what} has ${key} ${value}, expected ${wanted}`];
  });
  if (step.up === undefined || step.up === link.up) return others;
  return [`${what} is ${link.up ? 'up' : 'down'}`, ...others];
}

/** An address that failed duplicate address detection is there, but nobody may use it. */
function addressDiffers({ ns, link, address }: AddrAdd, addrs: readonly AddrFact[]): string | undefined {
  const found = addrs.find((addr) => samePrefix(addr.address, address));
  if (found && !found.dadFailed) return undefined;
  if (found) return `${at(ns, link)} has address ${address}, which failed duplicate address detection`;
  const others = addrs.filter((addr) => addr.scope === 'global' && isIPv6(addr.address) === isIPv6(address));
  const instead = others.length > 0 ? `, only ${others.map((addr) => addr.address).join(' and ')}` : '';
  return `${at(ns, link)} has no address ${address}${instead}`;
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
  const elements = add.map((wanted) =>
    expect({ query: 'nft.lookup', ns, family, table, set: wanted.set, keys: wanted.keys }, (found) =>
      elementsDiffer(`nftables set ${family} ${table} ${wanted.set}`, wanted, found),
    ),
  );
  return [...rules, ...elements];
}

/** An element that names nobody was put there by hand, and serves. One that names another goes when that one does. */
function elementsDiffer(
  what: string,
  { keys, comment, data }: NftElements,
  found: readonly (NftElementFact | null)[],
): string[] {
  const missing = keys.filter((_key, i) => !found[i]);
  const others = keys.flatMap((key, i) => {
    const { comment: owner, data: target } = found[i] ?? {};
    if (owner && comment && owner !== comment) return [`${what} has ${key} for "${owner}", expected "${comment}"`];
    return target !== undefined && data !== undefined && target !== data
      ? [`${what} has ${key} leading to ${target}, expected ${data}`]
      : [];
  });
  return [...(missing.length > 0 ? [`${what} lacks ${missing.join(', ')}`] : []), ...others];
}
