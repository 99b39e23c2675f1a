import * as index from './index-cache';
import { type Holder, leasedAddresses, readLease, removeLease } from './store';

/** Who has which addresses, from the index where it can be believed and from the lease files where not. */
export interface Holders {
  addressesOf(holder: Holder): string[];
  /** To be called for each change of a lease file, after it. */
  update(holder: Holder, addresses: readonly string[]): void;
  /** Reads every lease file, removes debris, and answers with what there is. */
  rescan(): Entry[];
  /** Makes what is known now provable to the next one who holds the lock. */
  close(now: number): void;
}

export interface Entry {
  holder: Holder;
  addresses: string[];
}

/**
 * Opens the index for as long as the lock is held. Its own failures (a state folder that is full or read-only) never
 * surface: it is a cache, and without it the lease files are read.
 */
export function openHolders(stateDir: string, folder: string): Holders {
  const cache = index.leaseIndex(stateDir, folder);
  let scanned: Map<string, Entry> | undefined;
  // What the index has said is asked again and again, and does not change under the lock.
  const said = new Map<string, string[]>();
  const addressesOf = (holder: Holder): string[] => {
    const addresses = said.get(keyOf(holder)) ?? index.addressesOf(cache, holder);
    said.set(keyOf(holder), addresses);
    return addresses;
  };
  let usable = true;
  let changed = false;
  const tryCache = (work: () => void): void => {
    if (!usable) return;
    changed = true;
    try {
      work();
    } catch {
      usable = false;
    }
  };
  const rescan = (): Entry[] => {
    scanned = scan(folder);
    const entries = [...scanned.values()];
    tryCache(() => index.rebuild(cache, entries));
    return entries;
  };
  if (!index.isCurrent(cache)) rescan();
  return {
    rescan,
    addressesOf: (holder) => (scanned ? (scanned.get(keyOf(holder))?.addresses ?? []) : addressesOf(holder)),
    update(holder, addresses) {
      said.set(keyOf(holder), [...addresses]);
      scanned?.set(keyOf(holder), { holder, addresses: [...addresses] });
      tryCache(() => index.note(cache, holder, addresses));
    },
    close(now) {
      if (changed) tryCache(() => index.seal(cache, now));
    },
  };
}

function scan(folder: string): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const address of leasedAddresses(folder).sort()) {
    const lease = readLease(folder, address);
    if (lease.state === 'debris') removeLease(folder, address);
    if (lease.state !== 'held') continue;
    const entry = entries.get(keyOf(lease.holder)) ?? { holder: lease.holder, addresses: [] };
    entry.addresses.push(address);
    entries.set(keyOf(lease.holder), entry);
  }
  return entries;
}

/** Neither word of a lease file contains white space. */
const keyOf = ({ containerId, ifname }: Holder): string => `${containerId} ${ifname}`;
