import type { AddrFact, Answers, LinkFact, Native, Query, RouteFact } from '../../../kernel/contract';

/** What of the host a configuration may clash with. */
export interface HostFacts {
  links: HostLink[];
  /** Whether frames between the ports of a bridge pass iptables; null where br_netfilter is not loaded. */
  bridgeCallsIptables: string | null;
}

export interface HostLink {
  link: LinkFact;
  addrs: AddrFact[];
  routes: RouteFact[];
}

/** RT_TABLE_LOCAL: what the kernel itself keeps, of its own addresses. */
const localTable = 255;
/** RTN_UNICAST */
const unicast = 1;

/** Reads the links of the host's namespace, and of each its addresses and routes. */
export async function observeHost(kernel: Native): Promise<HostFacts> {
  const [links, sysctl] = (await kernel.observe({}, [
    { query: 'links', ns: 'host' },
    { query: 'sysctl', ns: 'host', key: 'net/bridge/bridge-nf-call-iptables' },
  ])) as [LinkFact[], string | null];
  const queries = links.flatMap(({ name }): Query[] => [
    { query: 'addrs', ns: 'host', link: name },
    { query: 'routes', ns: 'host', link: name },
  ]);
  const answers: Answers[keyof Answers][] = queries.length === 0 ? [] : await kernel.observe({}, queries);
  return {
    links: links.map((link, i) => ({
      link,
      addrs: answers[2 * i] as AddrFact[],
      routes: (answers[2 * i + 1] as RouteFact[]).filter(({ table, type }) => table !== localTable && type === unicast),
    })),
    bridgeCallsIptables: sysctl,
  };
}

/** The link by which the host reaches the world: that of its first default route. */
export function uplinkOf({ links }: HostFacts): LinkFact | undefined {
  const routes = links.flatMap(({ link, routes }) =>
    routes.filter(({ dst, table }) => table === 254 && dst.endsWith('/0')).map((route) => ({ link, route })),
  );
  return routes.sort((a, b) => a.route.priority - b.route.priority)[0]?.link;
}
