import { expect } from 'chai';
import { diff, type Snapshot } from './snapshot';

/** Fails with the list of what changed between two snapshots, lines that match one of `allow` left out. */
export function expectUnchanged(before: Snapshot, after: Snapshot, { allow = [] }: { allow?: RegExp[] } = {}): void {
  const changed = diff(before, after).filter((line) => !allow.some((pattern) => pattern.test(line)));
  expect(changed, 'what is left').to.deep.equal([]);
}
