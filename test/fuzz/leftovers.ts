import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping, sharedObjects } from '../support/leftovers';
import type { Snapshot } from '../support/snapshot';

/**
 * What requests of the scene may leave: what attachments share, empty folders of leases, a loopback that was up, and what
 * the way to a mapped port needs, which may be one of the victim's where prevResult names its interfaces.
 */
const allow: RegExp[] = [
  // cni0 is what a bridge is called where the configuration has lost its name.
  ...['fz0', 'fz1', 'br9', 'cni0'].flatMap(sharedObjects),
  ...bookkeeping,
  /^files \/(var\/lib\/cni|run\/fuzz)\/.*\/(lock|last_reserved_ip\.\d+)?: added/,
  /^files \/run\/fuzz\/file: /,
  /^namespaces host links veth\w+ linkinfo info_slave_data hairpin: false became true/,
  /^namespaces host sysctls net\/ipv4\/conf\/br0\/route_localnet: 0 became 1/,
  /^namespaces fuzz (addresses|routes|links lo)/,
  /^namespaces fuzz sysctls net\/ipv6\/conf\/lo\/disable_ipv6/,
];

/** Fails with the list of what else has changed in the world. */
export function expectHarmless(before: Snapshot, after: Snapshot): void {
  expectUnchanged(before, after, { allow });
}
