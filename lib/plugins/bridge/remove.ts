import { parseMac } from '../../cni/mac';
import type { Interface } from '../../cni/result';
import type { LinkFact, NftElementFact, NftSetFact, Query, Step } from '../../kernel/contract';
import type { Context, Debris, Facts } from '../../plugin/define';
import { guardDebris, guardQueries, unguardMac } from '../mac-spoof';
import { elementQueries, masqueradeDebris, masqueradeSets, unmasquerade } from '../masquerade';
import { legacyRemains, legacyTables } from '../reference-legacy';
import { referenceChain, unmasqueradeReference } from '../reference-masquerade';
import { aliasOf, ownerIn } from './attach';
import type { BridgeContext } from './bridge';
import { type BridgeConfig, macArg } from './config';

/** What a DEL without a record has to know beside: which links are whose, and whether iptables has tables of its own. */
export const removalQueries = {
  hostLinks: { query: 'links', ns: 'host' },
  legacy: legacyTables,
} as const satisfies Record<string, Query>;

/**
 * Without a record: the masquerading, ours or the reference's, then our own name for the host end, those that prevResult
 * tells, or the pod's interface if it is a veth. Neither prevResult nor CNI_NETNS is believed where the kernel says that
 * a link is another attachment's.
 */
export function del(context: BridgeContext): Step[] {
  const { request, config, identity } = context;
  return [
    ...(config.ipMasq ? masqueradeRemovals(context) : []),
    removal('host', identity.hostEnd),
    ...toldHostEnds(context).map((link) => removal('host', link)),
    ...(isOwnPod(context) ? [removal('pod', { name: request.ifname, mac: undefined })] : []),
    ...(config.macspoofchk ? [unguardMac(identity, identity.hostEnd.name, possibleMacs(context))] : []),
  ];
}

export function remains({ request, config, identity, facts }: BridgeContext): string[] {
  const { network, containerId } = identity;
  const chain = referenceChain(network, containerId);
  return config.ipMasq ? legacyRemains({ request, identity }, facts.legacy ?? [], chain) : [];
}

function masqueradeRemovals({ request, identity, facts }: BridgeContext): Step[] {
  const { network, containerId, ifname } = identity;
  const { ips = [] } = request.prevResult ?? {};
  const addresses = [...ips, ...facts.podAddrs.filter(({ scope }) => scope === 'global')].map(({ address }) => address);
  return [
    ...(addresses.length > 0 ? [unmasquerade(network, containerId, ifname, [...new Set(addresses)])] : []),
    ...unmasqueradeReference(network, containerId),
  ];
}

/**
 * Host ends that prevResult names, of a pod whose interface cannot be asked. It must have the MAC that is told, be a port
 * of the bridge and nobody else's, and the result must be about the pod of this request.
 */
function toldHostEnds(context: BridgeContext): LinkFact[] {
  const { request, facts } = context;
  const { interfaces = [] } = request.prevResult ?? {};
  const { bridge, podEnd, hostLinks = [] } = facts;
  const ofThisPod = ({ name, sandbox }: Interface): boolean =>
    name === request.ifname && sandbox !== undefined && (request.netns === '' || sandbox === request.netns);
  if (podEnd !== null || !interfaces.some(ofThisPod)) return [];
  return hostLinks.filter(
    (link) =>
      isPort(link, bridge) &&
      isNobodyElses(context, link) &&
      interfaces.some(({ name, mac = '', sandbox }) => !sandbox && name === link.name && parseMac(mac) === link.mac),
  );
}

function isPort({ kind, master }: LinkFact, bridge: LinkFact | null): boolean {
  return kind === 'veth' && master === bridge?.ifindex;
}

/** Whether the pod's interface may be the one that is to be removed: its other end is not another attachment's. */
function isOwnPod(context: BridgeContext): boolean {
  const { podEnd, hostLinks = [] } = context.facts;
  const opposite = hostLinks.find(({ ifindex, peer }) => ifindex === podEnd?.peer && peer === podEnd.ifindex);
  return opposite === undefined || isNobodyElses(context, opposite);
}

/** By its alias: links of the reference have none. */
function isNobodyElses({ identity }: BridgeContext, { alias }: LinkFact): boolean {
  return !alias.startsWith('trestle ') || alias === aliasOf({ identity });
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
