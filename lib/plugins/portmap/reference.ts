// In the program as it is built, a module of Node's is loaded when something of it is first asked for.
import { createHash } from 'node:crypto';
import { parseAddress, toBytes } from '../../cni/addresses';
import type { NftBatch } from '../../kernel/contract';
import { ipOf } from '../../kernel/prefix';
import type { AttachmentContext, Queries } from '../../plugin/define';
import type { PortmapConfig } from './config';
import { podAddresses } from './mappings';

/** The chain of a container, as the reference (plugins/meta/portmap) names it: 21 hexadecimal digits of SHA-512. */
export function referenceChain(network: string, containerId: string): string {
  return `CNI-DN-${createHash('sha512').update(`${network}${containerId}`).digest('hex').slice(0, 21)}`;
}

const families = ['ip', 'ip6'] as const;

/** Where its nftables backend keeps the rules of all containers, each with the container's ID for a comment. */
const hostport = {
  table: 'cni_hostport',
  chains: ['hostports', 'hostip_hostports', 'masquerading'],
};

/**
 * Ends what the reference may have mapped for a container, by iptables (those of today are nftables; rules of the legacy
 * ones are out of reach) or by nftables. There a container's ID stands for all its networks: a rule goes only if it
 * names an address that this network has given.
 */
export function unmapReference({ request, identity }: AttachmentContext<PortmapConfig, Queries>): NftBatch[] {
  const { network, containerId } = identity;
  const chains = [{ name: referenceChain(network, containerId), from: 'CNI-HOSTPORT-DNAT' }];
  const addresses = podAddresses(request);
  return families.flatMap((family): NftBatch[] => {
    const address = addresses[family];
    const constant = address && hexOf(ipOf(address));
    const rules = hostport.chains.map((chain) => ({ chain, comment: containerId, ...(constant && { constant }) }));
    const mayHaveRules = constant !== undefined || Object.keys(addresses).length === 0;
    return [
      { op: 'nft.batch', ns: 'host', family, table: 'nat', drop: { sets: [], rules: [], chains } },
      ...(mayHaveRules
        ? [{ op: 'nft.batch' as const, ns: 'host' as const, family, table: hostport.table, drop: { sets: [], rules } }]
        : []),
    ];
  });
}

function hexOf(ip: string): string {
  const address = parseAddress(ip);
  return address ? Buffer.from(toBytes(address)).toString('hex') : '';
}
