import { formatAddress, isIPv6, networkOf } from '../../cni/addresses';
import { CniError, ErrorCode } from '../../cni/errors';
import type { Request } from '../../cni/request';
import type { NftElements } from '../../kernel/contract';
import { ipOf, prefix } from '../../kernel/prefix';
import type { Family } from '../nft-exprs';
import { parseConditions } from './conditions';
import { mappingsIn, type PortMapping, type PortmapConfig, type Protocol } from './config';
import { mapOf, masqueradeSet, type Policy } from './table';

/** One port of the host that leads to one port of the pod, in one family. */
export interface Mapping {
  policy: Policy;
  protocol: Protocol;
  /** The host's address, or undefined for each that it has. */
  hostIp?: string;
  hostPort: number;
  /** Undefined while the pod has no address of that family that could be known. */
  pod: string | undefined;
  podPort: number;
}

/** The first address of each family that the result gives the pod's interface, with its prefix length. */
export type PodAddresses = Partial<Record<Family, string>>;

export function podAddresses({ ifname, prevResult }: Pick<Request, 'ifname' | 'prevResult'>): PodAddresses {
  const { interfaces = [], ips = [] } = prevResult ?? {};
  const mine = ips.filter(({ interface: index }) => {
    const on = index === undefined ? undefined : interfaces[index];
    return on === undefined || (on.name === ifname && on.sandbox !== undefined);
  });
  const firstOf = (family: Family) => mine.find(({ address }) => isIPv6(address) === (family === 'ip6'))?.address;
  const [ip, ip6] = [firstOf('ip'), firstOf('ip6')];
  return { ...(ip && { ip }), ...(ip6 && { ip6 }) };
}

const unspecified: Readonly<Record<Family, string>> = { ip: '0.0.0.0', ip6: '::' };

/** Both, unless the mapping names an address of the host's. */
export function familiesOf({ hostIP }: PortMapping): Family[] {
  if (hostIP === '') return ['ip', 'ip6'];
  return [isIPv6(hostIP) ? 'ip6' : 'ip'];
}

export function policiesOf({ conditionsV4 = [], conditionsV6 = [] }: PortmapConfig): Record<Family, Policy> {
  return {
    ip: { family: 'ip', conditions: parseConditions(conditionsV4, 'ip') },
    ip6: { family: 'ip6', conditions: parseConditions(conditionsV6, 'ip6') },
  };
}

/** What the configuration asks for, in each family that `of` names; each mapping once. Code 7 for two of one host port. */
export function mappingsOf(config: PortmapConfig, addresses: PodAddresses, of: readonly Family[]): Mapping[] {
  const policies = policiesOf(config);
  const all = mappingsIn(config).flatMap((mapping) =>
    familiesOf(mapping)
      .filter((family) => of.includes(family))
      .map((family) => mappingIn(family, mapping, policies[family], addresses[family])),
  );
  const known = new Map<string, Mapping>();
  for (const mapping of all) {
    const place = `${mapName(mapping)} ${keyOf(mapping)}`;
    const other = known.get(place);
    if (other && other.podPort !== mapping.podPort) throw twice(mapping, other);
    known.set(place, mapping);
  }
  return [...known.values()];
}

function mappingIn(family: Family, mapping: PortMapping, policy: Policy, address: string | undefined): Mapping {
  const { hostIP, hostPort, containerPort: podPort, protocol } = mapping;
  const named = hostIP !== '' && hostIP !== unspecified[family];
  const pod = address && ipOf(address);
  return { policy, protocol, ...(named && { hostIp: hostIP }), hostPort, pod, podPort };
}

function twice({ protocol, hostPort, podPort }: Mapping, other: Mapping): CniError {
  const msg = `failed to parse config: host port ${hostPort}/${protocol} is mapped twice`;
  return new CniError(ErrorCode.invalidConfig, msg, `to container ports ${other.podPort} and ${podPort}`);
}

export const mapName = ({ policy, hostIp }: Mapping): string => mapOf(policy, hostIp === undefined ? 'any' : 'at').name;

export const keyOf = ({ hostIp, protocol, hostPort }: Mapping): string =>
  [...(hostIp === undefined ? [] : [hostIp]), protocol, hostPort].join(' . ');

/** Sources that are masqueraded on the way to a pod's mapped ports. */
export interface Source {
  family: Family;
  prefixLength: number;
  /** "10.1.2.0" */
  network: string;
}

/**
 * Those whose answers would not come back this way: the pod's own subnet, which it answers directly, and the host's
 * 127.0.0.0/8, which it cannot answer at all. With `masqAll` everybody; without `snat` nobody.
 */
export function sourcesOf({ snat, masqAll }: PortmapConfig, addresses: PodAddresses): Source[] {
  if (!snat) return [];
  return (Object.entries(addresses) as [Family, string][]).flatMap(([family, address]) => {
    if (masqAll) return [{ family, prefixLength: 0, network: unspecified[family] }];
    const { address: network, prefixLength } = networkOf(prefix(address));
    const subnet = { family, prefixLength, network: formatAddress(network) };
    return family === 'ip' ? [subnet, { family, prefixLength: 8, network: '127.0.0.0' }] : [subnet];
  });
}

/** The elements of a pod's mappings: where each leads to, and for whom it is masqueraded. */
export function elementsFor(mappings: readonly Mapping[], sources: readonly Source[], comment: string): NftElements[] {
  const leads = mappings.flatMap((mapping): NftElements[] =>
    mapping.pod === undefined
      ? []
      : [
          {
            set: mapName(mapping),
            keys: [keyOf(mapping)],
            data: `${mapping.pod} . ${mapping.podPort}`,
            comment,
            ifTaken: 'fail',
          },
        ],
  );
  const masqueraded = sources.map(({ family, prefixLength, network }): NftElements => {
    const of = mappings.filter(({ policy, pod }) => policy.family === family && pod !== undefined);
    const keys = of.map(({ pod, protocol, hostPort }) => [network, pod, protocol, hostPort].join(' . '));
    return { set: masqueradeSet(family, prefixLength).name, keys: [...new Set(keys)], comment };
  });
  return [...leads, ...masqueraded.filter(({ keys }) => keys.length > 0)];
}
