import { mkdirSync, rmSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { linkTarget, removeFile } from '../../cni/absent';
import { base32, digest } from '../../plugin/identity';
import type { Holder } from './store';

/**
 * Which addresses a holder has, without reading every lease file: one symbolic link per holder whose target is the list
 * of its addresses. A link, because it appears whole or not at all and costs tmpfs no page.
 *
 * The index is a cache and believed only while it can be proven current. Proof: whoever changes leases through us sets
 * the lease folder's modification time to a moment drawn at random and notes it as the index's `stamp`; every file
 * that anybody else then creates or removes there moves that time. So an equal stamp means that nothing happened
 * since, and a holder without a link has no lease. A process that dies on the way leaves a stamp that is not equal.
 * A lease file that is edited in place does not show: what a link says is compared with the file before it counts.
 */
export interface LeaseIndex {
  /** The lease folder that it is about. */
  folder: string;
  /** Where it lies itself. */
  path: string;
}

/** How far back a stamp may lie. Always in the past, so that the clock does not come across it later. */
const stampSpanMs = 60_000;

export function leaseIndex(stateDir: string, folder: string): LeaseIndex {
  return { folder, path: join(stateDir, 'leases', base32(digest(resolve(folder)), 32)) };
}

/** Whether the index is complete and holds for the folder as it is now. */
export function isCurrent(index: LeaseIndex): boolean {
  const noted = linkTarget(stampPath(index));
  return noted !== undefined && noted === stampOf(index.folder);
}

/** The addresses noted for a holder. */
export function addressesOf(index: LeaseIndex, holder: Holder): string[] {
  return linkTarget(linkPath(index, holder))?.split(',') ?? [];
}

/** Voids the index: the first thing done before a change, so that no half-changed index is ever believed. */
export function unseal(index: LeaseIndex): void {
  removeFile(stampPath(index));
}

/** Notes a holder's addresses; none removes the note. */
export function note(index: LeaseIndex, holder: Holder, addresses: readonly string[]): void {
  replaceLink(linkPath(index, holder), addresses.join(','));
}

/** Begins anew with what a scan of the lease files found. */
export function rebuild(index: LeaseIndex, found: Iterable<{ holder: Holder; addresses: readonly string[] }>): void {
  unseal(index);
  rmSync(index.path, { recursive: true, force: true });
  mkdirSync(index.path, { recursive: true, mode: 0o700 });
  for (const { holder, addresses } of found) symlinkSync(addresses.join(','), linkPath(index, holder));
}

/** Makes the index current: the last thing done before the lock is let go. */
export function seal(index: LeaseIndex, now: number): void {
  const microseconds = Math.floor((now - Math.random() * stampSpanMs) * 1000);
  utimesSync(index.folder, microseconds / 1e6, microseconds / 1e6);
  if (keepsFractions(index.folder, microseconds)) replaceLink(stampPath(index), stampOf(index.folder));
}

/** A file system that rounds times to seconds cannot carry the proof. (What a float cannot hold, or Node cuts off, may cost a microsecond.) */
function keepsFractions(folder: string, microseconds: number): boolean {
  const kept = Number(statSync(folder, { bigint: true }).mtimeNs / 1000n);
  return Math.abs(kept - microseconds) <= 1 && microseconds % 1_000_000 > 1;
}

/** Device and inode too: a folder that was removed and made again is another one. */
function stampOf(folder: string): string {
  const { dev, ino, mtimeNs } = statSync(folder, { bigint: true });
  return `${dev}.${ino}.${mtimeNs}`;
}

const stampPath = (index: LeaseIndex): string => join(index.path, 'stamp');

function linkPath(index: LeaseIndex, { containerId, ifname }: Holder): string {
  return join(index.path, base32(digest(containerId, ifname), 32));
}

function replaceLink(path: string, target: string): void {
  removeFile(path);
  if (target !== '') symlinkSync(target, path);
}
