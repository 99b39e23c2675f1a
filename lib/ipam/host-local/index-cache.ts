import { lstatSync, lutimesSync, mkdirSync, rmSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { resolve } from 'node:path';
import { linkTarget, removeFile } from '../../cni/absent';
import { base32, digest } from '../../plugin/identity';
import { errnoOf, type Holder } from './store';

/**
 * Which addresses a holder has, without reading every lease file: one symbolic link per holder whose target is the list
 * of its addresses. A link, because it appears whole or not at all and costs tmpfs no page.
 *
 * The index is a cache and believed only while it can be proven current. Proof: whoever changes leases through us gives
 * the lease folder a modification time drawn at random, and the same to the index's stamp; every file that anybody (we, too)
 * then creates or removes there moves that of the folder. So equal times mean that nothing happened since, and a holder
 * without a link has no lease. A process that dies on the way leaves times that are not equal. A lease file that is edited
 * in place does not show: what a link says is compared with the file before it counts.
 */
export interface LeaseIndex {
  /** The lease folder that it is about. */
  folder: string;
  /** When that was changed, milliseconds since the epoch. */
  changed: number;
  /** Where it lies itself. */
  path: string;
  /** Its stamp, a link that leads nowhere. By the folder's device and inode: one that was removed and made again is another. */
  stamp: string;
}

/** How far back a stamp's time may lie, and at least does: the clock does not come across it later. */
const [nearestMs, farthestMs] = [1_000, 86_400_000];

/** How often a second: what a number of JavaScript's and a file system of microseconds hold exactly. */
const grain = 64;

/** Where the index of a lease folder lies. */
export function indexFolder(stateDir: string, folder: string): string {
  return `${stateDir}/leases/${base32(digest(resolve(folder)), 32)}`;
}

export function leaseIndex(stateDir: string, folder: string): LeaseIndex {
  const path = indexFolder(stateDir, folder);
  const { dev, ino, mtimeMs } = statSync(folder);
  return { folder, changed: mtimeMs, path, stamp: `${path}/stamp.${dev}.${ino}` };
}

/** Whether the index is complete and holds for the folder as it was when the index was opened. */
export function isCurrent({ stamp, changed }: LeaseIndex): boolean {
  try {
    return lstatSync(stamp, { throwIfNoEntry: false })?.mtimeMs === changed;
  } catch {
    return false;
  }
}

/** The addresses noted for a holder. */
export function addressesOf(index: LeaseIndex, holder: Holder): string[] {
  return linkTarget(linkPath(index, holder))?.split(',') ?? [];
}

/** Notes a holder's addresses; none removes the note. */
export function note(index: LeaseIndex, holder: Holder, addresses: readonly string[]): void {
  replaceLink(linkPath(index, holder), addresses.join(','));
}

/** Begins anew with what a scan of the lease files found: nothing is believed before it is sealed. */
export function rebuild(index: LeaseIndex, found: Iterable<{ holder: Holder; addresses: readonly string[] }>): void {
  rmSync(index.path, { recursive: true, force: true });
  mkdirSync(index.path, { recursive: true, mode: 0o700 });
  for (const { holder, addresses } of found) symlinkSync(addresses.join(','), linkPath(index, holder));
  if (!keepsFractions(index.folder)) return;
  symlinkSync('.', index.stamp);
  // Not the time of now, which the folder has, too, if a lease is made within the same tick of the clock.
  lutimesSync(index.stamp, 0, 0);
}

/** Makes the index current: the last thing done before the lock is let go. Throws where it has no stamp. */
export function seal({ folder, stamp }: LeaseIndex, now: number): void {
  const time = now - nearestMs - Math.random() * (farthestMs - nearestMs);
  const seconds = Math.floor((time / 1000) * grain) / grain;
  utimesSync(folder, seconds, seconds);
  lutimesSync(stamp, seconds, seconds);
}

/** A file system that rounds times to seconds cannot carry the proof. */
function keepsFractions(folder: string): boolean {
  const seconds = 1_000_000 + 1 / grain;
  utimesSync(folder, seconds, seconds);
  return statSync(folder).mtimeMs === seconds * 1000;
}

/** By its names, where these make a name of a file; a lease that somebody else has written may hold anything. */
function linkPath(index: LeaseIndex, { containerId, ifname }: Holder): string {
  const name = `${containerId} ${ifname}`;
  return `${index.path}/${/^[a-zA-Z0-9][\w.-]{0,180} [\w.@-]{0,15}$/.test(name) ? name : base32(digest(name), 32)}`;
}

function replaceLink(path: string, target: string): void {
  if (target === '') removeFile(path);
  else if (!makeLink(path, target)) {
    removeFile(path);
    symlinkSync(target, path);
  }
}

/** False where there is one already, as for hardly any holder. */
function makeLink(path: string, target: string): boolean {
  try {
    symlinkSync(target, path);
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    return false;
  }
}
