import type { NftBatch, NftElements, Step } from '../kernel/contract';
import { ensureText } from '../kernel/ensure-text';
import { reversedFlow } from '../kernel/inverse';
import type { ElementsNote, Footprint } from './records';

/** What a plan's own steps will leave in the kernel, as far as a removal must find it: the other end of a veth goes with it. */
export function footprintOf(steps: readonly Step[]): Footprint {
  const firstLink = steps.findIndex(({ op }) => op === 'link.add');
  const flows = steps.flatMap((step) => (step.op === 'conntrack.flush' ? step.flows.map(reversedFlow) : []));
  return {
    links: steps.flatMap((step) =>
      step.op === 'link.add' ? [{ ns: step.ns, name: step.name, ...(step.mac ? { mac: step.mac } : {}) }] : [],
    ),
    elements: steps.flatMap((step, i) =>
      step.op === 'nft.batch' && step.add ? [noteOf(step, step.add, i < firstLink)] : [],
    ),
    ...(flows.length > 0 && { flows }),
  };
}

function noteOf({ family, table, ensure }: NftBatch, sets: NftElements[], afterLinks: boolean): ElementsNote {
  return { family, table, sets, ...(ensure && { ensure: ensureText(ensure) }), ...(afterLinks && { afterLinks }) };
}

/**
 * The removal of a footprint, in the order of DEL: nothing may be translated for a pod that has no link any more, and
 * what keeps watch over a link from before it is there does so until it is gone.
 */
export function removalOf({ links, elements, flows }: Footprint): Step[] {
  const removals = (when: (afterLinks: boolean) => boolean): NftBatch[] =>
    elements
      .filter(({ afterLinks = false }) => when(afterLinks))
      .map(({ family, table, sets }) => ({ op: 'nft.batch', ns: 'host', family, table, remove: sets }));
  return [
    ...removals((afterLinks) => !afterLinks),
    ...(flows ? [{ op: 'conntrack.flush', ns: 'host', flows } as const] : []),
    ...links.map((link): Step => ({ op: 'link.delete', ifMissing: 'keep', ...link })),
    ...removals((afterLinks) => afterLinks),
  ];
}
