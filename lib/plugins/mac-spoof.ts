import type { NftBatch, NftElementFact, NftElements, NftEnsure, NftExpr, NftSet, Query } from '../kernel/contract';
import type { Debris, Facts } from '../plugin/define';
import { type AttachmentKey, hostEndName } from '../plugin/identity';
import { elementDebris, elementRemoval, elementsOf, ownerOf } from './owned-elements';

/**
 * A guard against pods that send from a MAC that is not theirs. For the whole node one table, two sets and one rule,
 * whatever the number of pods, networks and bridges:
 *
 *     iifname @guarded iifname . ether saddr != @allowed drop
 *
 * What it drops has not reached the bridge's table of MACs: a pod cannot draw another's traffic to itself.
 */
const own = { ns: 'host', family: 'bridge', table: 'trestle_macspoof' } as const;
/** What the table's comment says; a later version that lays it out differently counts up. */
const schema = 'trestle schema 1';
/**
 * Before dstnat (-300), where ebtables, libvirt and the reference work, and so before br_netfilter (0) and connection
 * tracking (-200): a frame that lies about its source reaches none of them. Not exactly -300, where the order would be
 * that of registration.
 */
const chain = { name: 'prerouting', hook: { type: 'filter', hook: 'prerouting', priority: -310 } } as const;

const guarded: NftSet = { name: 'guarded', key: 'ifname', comment: 'links that may send from one MAC only' };
const allowed: NftSet = { name: 'allowed', key: 'ifname . ether_addr', comment: 'and from which' };

/** Registers are 16 bytes, as a link's name is: the MAC goes into the next, and the lookup takes both. */
const rule: NftExpr[] = [
  { expr: 'meta', key: 'iifname', dreg: 1 },
  { expr: 'lookup', sreg: 1, set: guarded.name },
  { expr: 'payload', base: 'link', offset: 6, length: 6, dreg: 2 },
  { expr: 'lookup', sreg: 1, set: allowed.name, invert: true },
  { expr: 'verdict', verdict: 'drop' },
];

const ensure: NftEnsure = {
  comment: schema,
  chains: [chain],
  sets: [guarded, allowed],
  rules: [{ chain: chain.name, comment: 'a pod sends from its own MAC only', exprs: rule }],
};

function elements(owner: AttachmentKey, hostEnd: string, macs: readonly string[]): NftElements[] {
  const comment = ownerOf(owner);
  return [
    { set: guarded.name, keys: [hostEnd], comment },
    { set: allowed.name, keys: macs.map((mac) => `${hostEnd} . ${mac}`), comment },
  ];
}

/** From now on drops what comes from `hostEnd` with another source than `mac`. To be done before the pod can send. */
export function guardMac(owner: AttachmentKey, hostEnd: string, mac: string): NftBatch {
  return {
    op: 'nft.batch',
    ...own,
    ensure,
    add: elements(owner, hostEnd, [mac]),
  };
}

/** Ends the guard, whichever of `macs` it was that the pod was allowed. To be done when the pod can send no more. */
export function unguardMac(owner: AttachmentKey, hostEnd: string, macs: readonly string[]): NftBatch {
  return elementRemoval(own, elements(owner, hostEnd, macs));
}

/** Asks whether the kernel could guard: an error where it has no nftables, or none for bridges. */
export const guardTrial = { query: 'nft.trial', ...own, ensure } as const satisfies Query;

/** Asks for everybody who is guarded, by the sets' names. */
export const guardQueries = {
  [guarded.name]: elementsOf(own, guarded.name),
  [allowed.name]: elementsOf(own, allowed.name),
};

/** What GC may find of a network: the sets are the node's, but a host end's name follows from the network's. */
export function guardDebris(network: string, facts: Facts<typeof guardQueries>): Debris[] {
  return Object.entries(facts).flatMap(([set, found]) =>
    (found ?? []).flatMap((element) =>
      elementDebris(own, set, [element]).filter(
        ({ containerId, ifname }) => linkIn(element) === hostEndName({ network, containerId, ifname }),
      ),
    ),
  );
}

const linkIn = ({ key }: NftElementFact): string | undefined => key.split(' . ')[0];
