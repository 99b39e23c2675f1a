import { CniError } from '../../cni/errors';
import type { NftElements, Step } from '../../kernel/contract';
import type { AttachmentContext, Context, Facts, Identity, Queries } from '../../plugin/define';
import { elementRemoval } from '../owned-elements';
import { legacyRemains, legacyTables } from '../reference-legacy';
import type { PortmapConfig } from './config';
import { holderOf, holderQueries } from './facts';
import { elementQueries, elementsIn } from './gc';
import { type Mapping, mappingsOf } from './mappings';
import { ownerText } from './owner';
import { referenceChain, unmapReference } from './reference';
import { families, own } from './table';

type Removal = Context<PortmapConfig> & { identity: Identity };

/**
 * For a DEL without a record: whether any of the ports is this attachment's, and only if so, everything that is. Most
 * often nothing is left: runtimes repeat a DEL, and what is in the maps is then not even looked at.
 */
export function removalFacts(context: Removal, known: Facts<Queries>): Queries {
  const mappings = asked(context);
  return {
    ...(mappings instanceof CniError ? {} : holderQueries(mappings)),
    legacy: legacyTables,
    ...(isHeld(context, known) ? elementQueries(known) : {}),
  };
}

/**
 * In both families: a DEL may come without the pod's addresses. What an ADD would refuse stops no DEL: of that nobody knows
 * which ports are meant.
 */
function asked({ config }: Pick<Removal, 'config'>): Mapping[] | CniError {
  try {
    return mappingsOf(config, {}, families);
  } catch (error) {
    if (error instanceof CniError) return error;
    throw error;
  }
}

function isHeld(context: Removal, known: Facts<Queries>): boolean {
  const mappings = asked(context);
  if (mappings instanceof CniError) return true;
  const me = ownerText(context.identity);
  return mappings.some((mapping) => holderOf(mapping, mappings, known) === me);
}

export function remains(context: AttachmentContext<PortmapConfig, Queries>): string[] {
  const { network, containerId } = context.identity;
  const mappings = asked(context);
  const fault =
    mappings instanceof CniError ? [`portmap: ${mappings.message}; removing what can be found without it`] : [];
  return [
    ...fault,
    ...legacyRemains(context, (context.facts.legacy ?? []) as string[], referenceChain(network, containerId)),
  ];
}

/** Our own elements, and what the reference made. */
export function del(context: AttachmentContext<PortmapConfig, Queries>): Step[] {
  const comment = ownerText(context.identity);
  const mine = elementsIn(context.facts).filter((element) => element.comment === comment);
  const elements = mine.map(({ set, key }): NftElements => ({ set, keys: [key], comment }));
  return [...(elements.length > 0 ? [elementRemoval(own, elements)] : []), ...unmapReference(context)];
}
