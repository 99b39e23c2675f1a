import { expect } from 'chai';
import { diff, type Snapshot } from './snapshot';

/** Fails with the list of what changed between two snapshots, lines that match one of `allow` left out. */
export function expectUnchanged(before: Snapshot, after: Snapshot, { allow = [] }: { allow?: RegExp[] } = {}): void {
  const changed = diff(before, after).filter((line) => !allow.some((pattern) => pattern.test(line)));
  expect(changed, 'what is left').to.deep.equal([]);
}

/** What may stay when the last attachment is gone: bookkeeping files that belong to no attachment. */
export const bookkeeping: RegExp[] = [
  /^files \/var\/lib\/cni\/networks\/(.*\/(last_reserved_ip\.\d+|lock)?)?: /,
  /^files \/run\/trestle\/([a-z]+\/|lock|index\/.*)?: added/,
];

/** What others may use too, and so is never undone: a bridge with its address, and forwarding. */
export function sharedObjects(bridge: string): RegExp[] {
  return [
    new RegExp(`^namespaces host (links|sysctls|addresses|routes|vlans)\\b.*\\b${bridge}\\b`),
    /^namespaces host sysctls net\/ipv4\/ip_forward: /,
    /^namespaces host sysctls net\/ipv[46]\/conf\/.*\/forwarding: /,
  ];
}
