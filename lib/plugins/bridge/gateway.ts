import { formatAddress, isIPv6, networkOf, next, overlaps } from '../../cni/addresses';
import { CniError, ErrorCode } from '../../cni/errors';
import type { IpConfig, Result, Route } from '../../cni/result';
import type { AddrFact, Step } from '../../kernel/contract';
import { prefix, samePrefix } from '../../kernel/prefix';
import { type BridgeConfig, gatewayLink, isGateway } from './config';

/** What the IPAM gave, completed: gateways where the bridge is one, the default route where it is the default one. */
export interface Addressing {
  ips: IpConfig[];
  routes: Route[];
}

/** The index of the container's end among the result's interfaces: bridge, host end, container end. */
const containerEnd = 2;

/** The subnet's first address: where the reference puts a gateway that nobody named. */
function firstHost(address: string): string | undefined {
  const first = next(networkOf(prefix(address)).address);
  return first && formatAddress(first);
}

export function addressing(config: BridgeConfig, ipam: Result): Addressing {
  const ips = (ipam.ips ?? []).map((ip) => {
    const gateway = ip.gateway ?? (isGateway(config) ? firstHost(ip.address) : undefined);
    return { ...ip, ...(gateway === undefined ? {} : { gateway }), interface: containerEnd };
  });
  const routes = [...(ipam.routes ?? [])];
  if (config.isDefaultGateway) {
    for (const { address, gateway } of ips) {
      const dst = isIPv6(address) ? '::/0' : '0.0.0.0/0';
      const has = routes.some((route) => route.gw !== undefined && isDefault(route, dst));
      if (!has && gateway !== undefined) routes.push({ dst, gw: gateway });
    }
  }
  return { ips, routes };
}

function isDefault({ dst }: Route, wanted: string): boolean {
  return isIPv6(dst) === isIPv6(wanted) && prefix(dst).prefixLength === 0;
}

/** The addresses that the bridge itself, or a VLAN's gateway, has to bear: each pod address's gateway, with that address's prefix length. */
export function gatewayAddresses(config: BridgeConfig, { ips }: Addressing): string[] {
  if (!isGateway(config)) return [];
  const wanted = ips.flatMap(({ address, gateway }) => (gateway ? [`${gateway}/${prefix(address).prefixLength}`] : []));
  return [...new Set(wanted)];
}

/** The sysctls of a device of ours that bears gateway addresses: it takes no router's word, and does not doubt its own. */
export function ipv6Sysctls({ enabledad }: BridgeConfig, link: string, gateways: readonly string[]): Step[] {
  const set = (key: string, value: string): Step => ({
    op: 'sysctl.set',
    ns: 'host',
    key: `net/ipv6/conf/${link}/${key}`,
    value,
    ifMissing: 'keep',
    ifReadOnly: 'keep',
  });
  return [set('accept_ra', '0'), ...(!enabledad && gateways.some(isIPv6) ? [set('accept_dad', '0')] : [])];
}

/** What is missing for the gateway's link to have the wanted addresses; one that stands in the way goes only with forceAddress. */
export function gatewaySteps(config: BridgeConfig, wanted: readonly string[], present: readonly AddrFact[]): Step[] {
  const { enabledad, forceAddress } = config;
  const link = gatewayLink(config);
  const what = config.vlan === 0 ? 'bridge addr:' : 'vlan interface for bridge with addr:';
  const missing = wanted.filter((address) => !present.some((fact) => samePrefix(fact.address, address)));
  const steps: Step[] = [];
  const obstacles = new Set(
    missing.flatMap((address) => obstaclesTo(address, wanted, present).map((fact) => ({ fact, address }))),
  );
  for (const { fact, address } of obstacles) {
    if (!forceAddress) {
      throw new CniError(
        ErrorCode.internal,
        `failed to set ${what} "${link}" already has an IP address different from ${address}`,
        `it has ${fact.address}; "forceAddress": true replaces it`,
      );
    }
    steps.push({ op: 'addr.delete', ns: 'host', link, address: fact.address, ifMissing: 'keep' });
  }
  return [
    ...steps,
    ...missing.map(
      (address): Step => ({ op: 'addr.add', ns: 'host', link, address, nodad: !enabledad, ifExists: 'keep' }),
    ),
  ];
}

/** Another IPv4 address, or an IPv6 one of an overlapping subnet (link-local ones never overlap with a gateway's). */
function obstaclesTo(address: string, wanted: readonly string[], present: readonly AddrFact[]): AddrFact[] {
  return present.filter(
    (fact) =>
      isIPv6(fact.address) === isIPv6(address) &&
      !wanted.some((other) => samePrefix(other, fact.address)) &&
      (!isIPv6(address) || overlaps(prefix(fact.address), prefix(address))),
  );
}
