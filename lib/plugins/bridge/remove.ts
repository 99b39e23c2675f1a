import { parseMac } from '../../cni/mac';
import type { LinkFact, NftElementFact, NftSetFact, Query, Step } from '../../kernel/contract';
import type { Context, Debris, Facts } from '../../plugin/define';
import { guardDebris, guardQueries, unguardMac } from '../mac-spoof';
import { elementQueries, masqueradeDebris, masqueradeSets, unmasquerade } from '../masquerade';
import { ownerIn } from './attach';
import type { BridgeContext } from './bridge';
import { type BridgeConfig, macArg } from './config';

/** Without a record: our own name for the host end, the names in the result, or the pod's interface if it is a veth. */
export function del(context: BridgeContext): Step[] {
  const { request, config, identity, facts } = context;
  const { interfaces = [], ips = [] } = request.prevResult ?? {};
  const addresses = [...ips, ...facts.podAddrs.filter(({ scope }) => scope === 'global')].map(({ address }) => address);
  const outside = interfaces.filter(({ sandbox, mac }) => !sandbox && mac);
  return [
    ...(config.ipMasq && addresses.length > 0
      ? [unmasquerade(identity.network, identity.containerId, identity.ifname, [...new Set(addresses)])]
      : []),
    removal('host', identity.hostEnd),
    ...outside.map(({ name, mac }) => removal('host', { name, mac })),
    removal('pod', { name: request.ifname, mac: undefined }),
    ...(config.macspoofchk ? [unguardMac(identity, identity.hostEnd.name, possibleMacs(context))] : []),
  ];
}

/** The MACs that the pod may have got: what was asked for, told and found, or our own choice. */
function possibleMacs({ request, config, identity, facts }: BridgeContext): string[] {
  const { interfaces = [] } = request.prevResult ?? {};
  const told = interfaces.find(({ name, sandbox }) => name === request.ifname && sandbox);
  const texts = [config.runtimeConfig?.mac, config.args?.cni?.mac, macArg(request), told?.mac, facts.podEnd?.mac];
  return [...new Set([identity.podMac, ...texts.flatMap((text) => parseMac(text ?? '') ?? [])])];
}

function removal(ns: 'host' | 'pod', { name, mac }: { name: string; mac: string | undefined }): Step {
  return { op: 'link.delete', ns, name, kind: 'veth', ...(mac ? { mac } : {}), ifMissing: 'keep' };
}

/** What of a network lies in the kernel: by the owners that elements and links name. */
export const gc = { facts: gcFacts, found: gcFound };

function gcFacts({ request, config }: Context<BridgeConfig>, known: Facts<Queries>): Queries {
  return {
    links: { query: 'links', ns: 'host' },
    ...(config.ipMasq
      ? { masqueradeSets, ...elementQueries(request.name, known.masqueradeSets as NftSetFact[] | null) }
      : {}),
    ...(config.macspoofchk ? guardQueries : {}),
  };
}

type Queries = Record<string, Query>;

/** In the order of DEL: a pod that can still send is guarded until it cannot. */
function gcFound({ request, facts }: Context<BridgeConfig> & { facts: Facts<Queries> }): Debris[] {
  const { links, masqueradeSets: _sets, guarded, allowed, ...elements } = facts;
  return [
    ...Object.entries(elements).flatMap(([set, found]) => masqueradeDebris(set, (found ?? []) as NftElementFact[])),
    ...((links ?? []) as LinkFact[]).flatMap((link) => {
      const owner = link.kind === 'veth' ? ownerIn(link.alias) : undefined;
      return owner?.network === request.name ? [{ ...owner, steps: [removal('host', link)] }] : [];
    }),
    ...guardDebris(request.name, { guarded, allowed } as Facts<typeof guardQueries>),
  ];
}
