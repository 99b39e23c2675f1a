import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping, sharedObjects } from '../support/leftovers';
import type { Snapshot } from '../support/snapshot';

/** What requests of the scene may leave: what attachments share, empty folders of leases, and a loopback that was up. */
const allow: RegExp[] = [
  ...['fz0', 'fz1', 'br9'].flatMap(sharedObjects),
  ...bookkeeping,
  /^files \/(var\/lib\/cni|run\/fuzz)\/.*\/(lock|last_reserved_ip\.\d+)?: added/,
  /^files \/run\/fuzz\/file: /,
  /^namespaces fuzz (addresses|routes|links lo)/,
  /^namespaces fuzz sysctls net\/ipv6\/conf\/lo\/disable_ipv6/,
];

/** Fails with the list of what else has changed in the world. */
export function expectHarmless(before: Snapshot, after: Snapshot): void {
  expectUnchanged(before, after, { allow });
}
