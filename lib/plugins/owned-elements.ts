import type { NftBatch, NftElementFact, NftElements, Query } from '../kernel/contract';
import type { Debris } from '../plugin/define';

/** A table of ours, as steps and queries name it. */
export type OwnTable = Pick<NftBatch, 'ns' | 'family' | 'table'>;

/** nftables keeps at most 127 bytes of a comment; an element's that was cut says no longer whose it is. */
export const commentLimit = 127;

/** The comment of an element: whose it is, for GC and for a human. */
export function ownerOf({ containerId, ifname }: { containerId: string; ifname: string }): string {
  return `${containerId} ${ifname}`.slice(0, commentLimit);
}

/** Asks for the elements of a set. */
export function elementsOf(table: OwnTable, set: string): Query & { query: 'nft.elements' } {
  return { query: 'nft.elements', ...table, set };
}

/** Takes elements out, those excepted that have become another's: a runtime may repeat a DEL at any time. */
export function elementRemoval(table: OwnTable, remove: NftElements[]): NftBatch {
  return { op: 'nft.batch', ...table, remove };
}

/** What GC may find in one set: elements with their owners. One whose comment was cut names nobody and is left to its record. */
export function elementDebris(table: OwnTable, set: string, elements: readonly NftElementFact[]): Debris[] {
  return elements.flatMap(({ key, comment }) => {
    const [containerId, ifname, more] = comment.split(' ');
    if (!containerId || !ifname || more || comment.length >= commentLimit) return [];
    return [{ containerId, ifname, steps: [elementRemoval(table, [{ set, keys: [key], comment }])] }];
  });
}
