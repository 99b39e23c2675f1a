import type { Applied, Step } from '../kernel/contract';
import type { Lanes } from './lanes';
import { isSweep } from './sweep';

/**
 * Removes what `steps` say, as `apply` does. Beside others, elements go together with theirs, and links when it is their
 * turn, for which nobody is to wait who still has elements to remove.
 */
export async function removal(
  steps: Step[],
  apply: (steps: Step[]) => Promise<Applied>,
  { linkRemovals, sweep }: Pick<Lanes, 'linkRemovals' | 'sweep'>,
): Promise<Applied> {
  const isAlone = linkRemovals.running() + linkRemovals.waiting() + sweep.running() === 0;
  const first = steps.findIndex((step) => isAlone || !isSweep(step));
  const rest = first < 0 ? [] : steps.slice(first);
  const swept = steps.slice(0, steps.length - rest.length).filter(isSweep);
  const parts: Applied[] = [];
  for (const step of swept) parts.push(await sweep(step, apply));
  if (rest.length > 0) parts.push(await (removesLinks(rest) ? linkRemovals(() => apply(rest)) : apply(rest)));
  return joined(parts);
}

/** What runs of steps did one after the other, as if it had been one. */
function joined([first, ...others]: Applied[]): Applied {
  if (first === undefined) return { outcomes: [], faults: [] };
  const { outcomes, faults } = joined(others);
  const at = first.outcomes.length;
  return {
    outcomes: [...first.outcomes, ...outcomes],
    faults: [...first.faults, ...faults.map((fault) => ({ ...fault, step: fault.step + at }))],
  };
}

const removesLinks = (steps: readonly Step[]): boolean => steps.some(({ op }) => op === 'link.delete');
