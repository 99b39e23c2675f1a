import type { NftElementFact, NftSetFact } from '../../kernel/contract';
import type { Context, Debris, Facts, Queries } from '../../plugin/define';
import { elementRemoval, elementsOf } from '../owned-elements';
import { ownerIn } from './owner';
import { own } from './table';

/** The question which sets there are, and once that is known what is in them. */
export function elementQueries(known: Facts<Queries>): Queries {
  const sets = (known.sets ?? []) as NftSetFact[];
  return {
    sets: { query: 'nft.sets', ...own },
    ...Object.fromEntries(sets.map(({ name }) => [`in ${name}`, elementsOf(own, name)])),
  };
}

export interface Element extends NftElementFact {
  set: string;
}

/** Every element that was found. */
export function elementsIn(known: Facts<Queries>): Element[] {
  return Object.entries(known).flatMap(([name, found]) =>
    name.startsWith('in ') ? ((found ?? []) as NftElementFact[]).map((it) => ({ ...it, set: name.slice(3) })) : [],
  );
}

/** What of a network lies in the maps, by the owners that elements name. */
export const gc = {
  facts: (_context: Context<unknown>, known: Facts<Queries>): Queries => elementQueries(known),
  found: ({ request, facts }: Context<unknown> & { facts: Facts<Queries> }): Debris[] =>
    elementsIn(facts).flatMap(({ set, key, comment }) => {
      const owner = ownerIn(comment, request.name);
      return owner ? [{ ...owner, steps: [elementRemoval(own, [{ set, keys: [key], comment }])] }] : [];
    }),
};
