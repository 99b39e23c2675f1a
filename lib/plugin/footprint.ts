import type { NftBatch, Step } from '../kernel/contract';
import type { Footprint } from './records';

/** What a plan's own steps will leave in the kernel, as far as a removal must find it: the other end of a veth goes with it. */
export function footprintOf(steps: readonly Step[]): Footprint {
  return {
    links: steps.flatMap((step) =>
      step.op === 'link.add' ? [{ ns: step.ns, name: step.name, ...(step.mac ? { mac: step.mac } : {}) }] : [],
    ),
    elements: steps.flatMap((step) =>
      step.op === 'nft.batch' && step.add ? [{ family: step.family, table: step.table, sets: step.add }] : [],
    ),
  };
}

/** The removal of a footprint, in the order of DEL: nothing may be translated for a pod that has no link any more. */
export function removalOf({ links, elements }: Footprint): Step[] {
  return [
    ...elements.map(
      ({ family, table, sets }): NftBatch => ({ op: 'nft.batch', ns: 'host', family, table, remove: sets }),
    ),
    ...links.map((link): Step => ({ op: 'link.delete', ifMissing: 'keep', ...link })),
  ];
}
