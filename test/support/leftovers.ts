/** Patterns for lines of a comparison of two snapshots (see snapshot.ts) that are no fault. */

/**
 * Files that belong to no attachment: the reference's own in host-local's folder, libcni's empty cache, and Trestle's lock,
 * empty folders and the stamp of its lease index (not the index's note of a holder, which goes with the lease).
 */
export const bookkeeping: RegExp[] = [
  /^files \/var\/lib\/cni\/networks\/([^/]+\/(last_reserved_ip\.\d+|lock)?)?: /,
  /^files \/var\/lib\/cni\/results\/: /,
  /^files \/run\/trestle\/(lock|attachments\/|runs\/|leases\/([a-z2-7]+\/(stamp[.\d]*)?)?)?: /,
];

/** What others may use too, and so is never undone: a bridge with its addresses, forwarding, nftables sets and maps and their rules. */
export function sharedObjects(bridge: string): RegExp[] {
  return [
    ...bookkeeping,
    new RegExp(`^namespaces host (links|sysctls|addresses|routes|vlans)\\b.*\\b${bridge}\\b`),
    /^namespaces host sysctls net\/ipv4\/ip_forward: /,
    /^namespaces host sysctls net\/ipv[46]\/conf\/.*\/(forwarding|accept_redirects): /,
    /^namespaces host routes: added anycast /,
    /^namespaces host nft: added (table|chain|set|map|rule) .*"trestle_/,
  ];
}
