import type { Query } from '../kernel/contract';
import type { AttachmentContext, Queries } from '../plugin/define';
import { hostEndName } from '../plugin/identity';

/** Asks which tables the legacy iptables have. */
export const legacyTables = { query: 'iptables.legacy', ns: 'host' } as const satisfies Query;

type Removal = Pick<AttachmentContext<unknown, Queries>, 'request' | 'identity'>;

/** By the host end that prevResult names: whether the reference made the attachment, and may have used its own iptables for it. */
function isReferences({ request, identity }: Removal): boolean {
  const hostEnds = (request.prevResult?.interfaces ?? []).filter(({ name, sandbox }) => !sandbox && /^veth/.test(name));
  return hostEnds.length > 0 && hostEnds.every(({ name }) => name !== hostEndName(identity));
}

/** What is to be said of rules in legacy tables, which no message of nftables reaches. */
export function legacyRemains(context: Removal, tables: readonly string[], chain: string): string[] {
  const nat = tables.filter((table) => table.endsWith(' nat'));
  if (nat.length === 0 || !isReferences(context)) return [];
  const programs = nat.map((table) => (table === 'ip nat' ? 'iptables-legacy' : 'ip6tables-legacy'));
  return [
    `legacy iptables cannot be reached: in ${nat.join(' and ')} the chain ${chain} may remain (${programs.map((program) => `${program} -t nat -S ${chain}`).join('; ')})`,
  ];
}
