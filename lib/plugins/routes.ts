import { isIPv6 } from '../cni/addresses';
import type { IpConfig, Route } from '../cni/result';
import type { RouteAdd } from '../kernel/contract';

/** RT_SCOPE_LINK: from here on destinations are on the link itself, where the kernel takes no gateway. */
const linkScope = 253;

/** What the kernel makes of anything larger (ip_metrics_convert). */
const largest = { mtu: 65_535 - 15, advmss: 65_535 - 40 };

/** The pod's routes, in their order. One that is told twice is added once: the kernel refuses the second. */
export function routeSteps(link: string, routes: readonly Route[], ips: readonly IpConfig[]): RouteAdd[] {
  const steps = routes.map((route) => routeStep(link, route, ips));
  if (steps.length < 2) return steps;
  // All have their fields in one order, so that equal ones are equal texts.
  return [...new Map(steps.map((step) => [JSON.stringify(step), step])).values()];
}

/** As in the reference, 0 says nothing (but for a scope), and the family's first gateway stands in for a missing one. */
function routeStep(link: string, route: Route, ips: readonly IpConfig[]): RouteAdd {
  const { dst, mtu, advmss, priority, table, scope } = route;
  const gw = route.gw ?? (isOnLink(route) ? undefined : gatewayOf(isIPv6(dst), ips));
  return {
    op: 'route.add',
    ns: 'pod',
    link,
    dst,
    ...(gw ? { gw } : {}),
    ...(mtu ? { mtu: Math.min(mtu, largest.mtu) } : {}),
    ...(advmss ? { advmss: Math.min(advmss, largest.advmss) } : {}),
    ...(priority ? { priority } : {}),
    ...(table ? { table } : {}),
    ...(scope === undefined ? {} : { scope }),
    ifExists: 'fail',
  };
}

/** IPv6 knows no scopes: whatever is asked for there goes through the gateway. */
function isOnLink({ dst, scope }: Route): boolean {
  return scope !== undefined && scope >= linkScope && !isIPv6(dst);
}

function gatewayOf(ipv6: boolean, ips: readonly IpConfig[]): string | undefined {
  return ips.find(({ address, gateway }) => gateway && isIPv6(address) === ipv6)?.gateway;
}
