import { type Cidr, contains, formatAddress, formatCidr, networkOf, overlaps } from '../../../cni/addresses';
import { prefix } from '../../../kernel/prefix';
import type { Doubt } from './doubt';
import type { HostFacts, HostLink } from './host';
import type { Subnet } from './subnets';

/** Subnets that the host uses already, elsewhere than on the links that are called `own`. */
export function overlapDoubts(subnets: readonly Subnet[], { links }: HostFacts, own: readonly string[]): Doubt[] {
  const others = links.filter(({ link }) => !own.includes(link.name));
  return subnets.flatMap(({ path, cidr }) =>
    others.flatMap((link) => {
      const clash = clashWith(cidr, link);
      return clash === undefined ? [] : [{ path, text: `${formatCidr(networkOf(cidr))} overlaps ${clash}` }];
    }),
  );
}

/** An address says more than the route that the kernel made for it. */
function clashWith(cidr: Cidr, { link, addrs, routes }: HostLink): string | undefined {
  const address = addrs.find((fact) => overlaps(prefix(fact.address), cidr));
  if (address) return `${address.address}, which ${link.name} on the host has`;
  const route = routes.find(({ dst }) => !dst.endsWith('/0') && overlaps(prefix(dst), cidr));
  return route && `the host's route to ${route.dst}${route.gw === null ? '' : ` via ${route.gw}`} through ${link.name}`;
}

/** Gateways that a pod cannot reach without a route to them. */
export function gatewayDoubts(subnets: readonly Subnet[]): Doubt[] {
  return subnets.flatMap(({ cidr, gateway }) =>
    gateway && !contains(cidr, gateway.address)
      ? [
          {
            path: gateway.path,
            text: `${formatAddress(gateway.address)} is not in ${formatCidr(networkOf(cidr))}: a pod has no route to it`,
          },
        ]
      : [],
  );
}

/** Another network of the same folder. */
export interface Neighbour {
  name: string;
  file: string;
  subnets: readonly Subnet[];
}

/** Subnets of which two networks give out addresses, each without knowing of the other. */
export function neighbourDoubts(subnets: readonly Subnet[], neighbours: readonly Neighbour[]): Doubt[] {
  return subnets.flatMap(({ path, cidr }) =>
    neighbours.flatMap(({ name, file, subnets: theirs }) => {
      const clash = theirs.find((other) => overlaps(other.cidr, cidr));
      const text =
        clash &&
        `${formatCidr(networkOf(cidr))} overlaps ${formatCidr(networkOf(clash.cidr))} of network "${name}" (${file})`;
      return text === undefined ? [] : [{ path, text }];
    }),
  );
}
