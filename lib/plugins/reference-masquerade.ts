// In the program as it is built, a module of Node's is loaded when something of it is first asked for.
import { createHash } from 'node:crypto';
import { isIPv6 } from '../cni/addresses';
import type { NftBatch, NftRuleFact, Query } from '../kernel/contract';

/**
 * Masquerading as the reference plugins do it, by iptables: in the table `nat`, for each address a rule of POSTROUTING
 *
 *     -s <address> -m comment --comment "name: \"<network>\" id: \"<container>\"" -j CNI-<hash>
 *
 * and for each container of a network a chain CNI-<hash>, which accepts what goes to the subnet and masquerades what does
 * not go to multicast. Two interfaces that a container has in one network share the chain, and lose it together.
 */
const postrouting = 'POSTROUTING';

/** The chain's name, as `FormatChainName` of the reference (pkg/utils) makes it: 24 hexadecimal digits of SHA-512. */
export function referenceChain(network: string, containerId: string): string {
  return `CNI-${createHash('sha512').update(`${network}${containerId}`).digest('hex').slice(0, 24)}`;
}

/**
 * Ends what the reference may have begun for a container, IPv4 and IPv6. The iptables of today are nftables; rules of the
 * legacy ones are out of reach.
 */
export function unmasqueradeReference(network: string, containerId: string): NftBatch[] {
  const chains = [{ name: referenceChain(network, containerId), from: postrouting }];
  return (['ip', 'ip6'] as const).map((family) => ({
    op: 'nft.batch',
    ns: 'host',
    family,
    table: 'nat',
    drop: { sets: [], rules: [], chains },
  }));
}

/** Asks for the rules among which the reference's are. */
export const referenceQueries = {
  iptablesRules: { query: 'nft.rules', ns: 'host', family: 'ip', table: 'nat', chain: postrouting },
  ip6tablesRules: { query: 'nft.rules', ns: 'host', family: 'ip6', table: 'nat', chain: postrouting },
} as const satisfies Record<string, Query>;

/** Whether the reference masquerades the container's addresses of this one's family. */
export function masqueradedByReference(
  { iptablesRules, ip6tablesRules }: Partial<Record<keyof typeof referenceQueries, NftRuleFact[] | null>>,
  { network, containerId }: { network: string; containerId: string },
  address: string,
): boolean {
  const rules = (isIPv6(address) ? ip6tablesRules : iptablesRules) ?? [];
  const jumps = rules.flatMap(({ jump }) => jump ?? []);
  return jumps.length > 0 && jumps.includes(referenceChain(network, containerId));
}
