import { isLinkName } from '../../cni/link-name';
import type { Request } from '../../cni/request';
import type { LinkFact, NftElementFact, Query, WayFact } from '../../kernel/contract';
import type { Context, Facts, Queries } from '../../plugin/define';
import { mappingsIn, type PortmapConfig } from './config';
import { familiesOf, keyOf, type Mapping, mapName, mappingsOf, podAddresses } from './mappings';
import { servicesQueries } from './services';
import { families, own } from './table';

/** By request, which asks more than once. */
const wanted = new WeakMap<Request, { config: PortmapConfig; mappings: readonly Mapping[] }>();

/** The mappings that can be made: those to a family in which the pod has an address. */
export function wantedMappings({ request, config }: Context<PortmapConfig>): readonly Mapping[] {
  const known = wanted.get(request);
  if (known?.config === config) return known.mappings;
  const mappings = mappingsOf(config, podAddresses(request), families).filter(({ pod }) => pod !== undefined);
  wanted.set(request, { config, mappings });
  return mappings;
}

/** What deserves to be said of the others. */
export function unmapped({ request, config }: Context<PortmapConfig>): string[] {
  const addresses = podAddresses(request);
  return mappingsIn(config)
    .filter((mapping) => !familiesOf(mapping).some((family) => addresses[family] !== undefined))
    .map(({ hostIP, hostPort, protocol }) => {
      const place = `host port ${hostPort}/${protocol}${hostIP && ` of ${hostIP}`}`;
      return `${place} leads nowhere: the pod has no address${hostIP && ' of that family'}`;
    });
}

/** The pod's address, if a connection from 127.0.0.1 is to reach it: IPv4 with `snat`; `::1` goes nowhere but to the host. */
export function localhostTarget(context: Context<PortmapConfig>): string | undefined {
  return context.config.snat ? wantedMappings(context).find(({ policy }) => policy.family === 'ip')?.pod : undefined;
}

/**
 * What ADD and CHECK have to know: who has the ports; which way it is to the pod, and whether 127.0.0.1 may go there;
 * whether the bridge's frames pass through iptables, and so through our translation, and then what the pod's port is like.
 * All is asked at once of the links that prevResult names, since asking twice costs a thread more.
 */
export function facts(context: Context<PortmapConfig>, known: Facts<Queries>): Queries {
  const { request, config } = context;
  const target = localhostTarget(context);
  const links = outside(request);
  const way = (known.way as WayFact | null | undefined)?.link;
  return {
    ...servicesQueries,
    bridgeNf: { query: 'sysctl', ns: 'host', key: 'net/bridge/bridge-nf-call-iptables' },
    bridgeNf6: { query: 'sysctl', ns: 'host', key: 'net/bridge/bridge-nf-call-ip6tables' },
    ...holderQueries(wantedMappings(context)),
    ...(config.snat ? named(links, 'link', (name) => ({ query: 'link', ns: 'host', name })) : {}),
    ...(target ? { way: { query: 'route', ns: 'host', dst: target } } : {}),
    ...(target ? named([...links, ...(way ? [way] : [])], 'localnet', localnetQuery) : {}),
  };
}

/** The host's own interfaces that prevResult names: usually the bridge, and the pod's host end. */
function outside({ prevResult }: Request): string[] {
  return (prevResult?.interfaces ?? []).flatMap(({ name, sandbox }) => (!sandbox && isLinkName(name) ? [name] : []));
}

function named(links: readonly string[], what: string, query: (link: string) => Query): Queries {
  return Object.fromEntries(links.map((link) => [`${what} ${link}`, query(link)]));
}

const localnetKey = (link: string): string => `net/ipv4/conf/${link}/route_localnet`;
const localnetQuery = (link: string): Query => ({ query: 'sysctl', ns: 'host', key: localnetKey(link) });

/** Under the name of each map: whose the keys are that these mappings want there. */
export function holderQueries(mappings: readonly Mapping[]): Record<string, Query & { query: 'nft.lookup' }> {
  const byMap = new Map<string, Mapping[]>();
  for (const mapping of mappings) byMap.set(mapName(mapping), [...(byMap.get(mapName(mapping)) ?? []), mapping]);
  return Object.fromEntries(
    [...byMap].map(([set, all]) => [`held ${set}`, { query: 'nft.lookup', ...own, set, keys: all.map(keyOf) }]),
  );
}

/** Whose a mapping's key is, by the comment of the element; null for nobody's. */
export function holderOf(mapping: Mapping, mappings: readonly Mapping[], known: Facts<Queries>): string | null {
  const ofMap = mappings.filter((other) => mapName(other) === mapName(mapping));
  const held = known[`held ${mapName(mapping)}`] as (NftElementFact | null)[] | undefined;
  return held?.[ofMap.indexOf(mapping)]?.comment ?? null;
}

/** RTN_UNICAST of linux/rtnetlink.h: the pod is out there. */
const unicast = 1;

/** The sysctl that lets 127.0.0.1 through to the pod, with its value (null without such a file); undefined where no way leads there. */
export function localnet(known: Facts<Queries>): { key: string; value: string | null } | undefined {
  const way = known.way as WayFact | null | undefined;
  if (way?.type !== unicast) return undefined;
  return { key: localnetKey(way.link), value: known[`localnet ${way.link}`] as string | null };
}

export const isBridgeFiltered = ({ bridgeNf, bridgeNf6 }: Facts<Queries>): boolean =>
  [bridgeNf, bridgeNf6].includes('1');

/** The ports of bridges among the host's interfaces that prevResult names: usually the pod's host end. */
export function bridgePorts(known: Facts<Queries>): LinkFact[] {
  return Object.entries(known).flatMap(([name, fact]) => {
    const link = name.startsWith('link ') ? (fact as LinkFact | null) : null;
    return link?.port && link.kind === 'veth' ? [link] : [];
  });
}
