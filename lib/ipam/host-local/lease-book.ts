import { CniError } from '../../cni/errors';
import type { Host } from '../../plugin/define';
import { type Entry, type Holders, openHolders } from './holders';
import type { Holder } from './store';
import * as store from './store';

/** A network's leases, for as long as their lock is held. */
export interface LeaseBook {
  /** The addresses for which a lease file names this very holder. */
  heldBy(holder: Holder): string[];
  /** Every lease. Reads all files. */
  all(): Entry[];
  /** Leases an address and notes it as the one that `set` gave out last. `false` when it has a lease already. */
  reserve(address: string, holder: Holder, set: number): boolean;
  release(address: string, holder: Holder): void;
  /** All addresses that have a lease. Reads the folder, but no file in it. */
  taken(): ReadonlySet<string>;
  /** The text that {@link LeaseBook.reserve} left for the set. */
  lastReserved(set: number): string;
  /** Whether the lease was written before this kernel started, so that what it was given for is gone. */
  isOfEarlierBoot(address: string): boolean;
  /** Whether the lease was written at `time` (milliseconds since the epoch) or later. */
  isLaterThan(time: number, address: string): boolean;
  /** The holder of a lease of an earlier boot of whom this boot knows nothing. */
  abandonedBy(address: string): Promise<Holder | undefined>;
}

/**
 * A clock that was set after the start makes a lease look older than it is, or the start look later. Small corrections
 * are covered by this margin; against large ones stands the attachment's record.
 */
const bootMarginMs = 60_000;

/** Where a network's leases are. */
export interface Place {
  network: string;
  folder: string;
}

type Work<T> = (book: LeaseBook) => T | Promise<T>;

/** Runs `work` on a network's leases under the reference's own lock. The folder must exist. */
export async function withLeases<T>(host: Host, place: Place, work: Work<T>): Promise<T> {
  return holding(await host.flock(store.lockPath(place.folder)), host, place, work);
}

/** As {@link withLeases}, in a folder that is made where there is none. Code 5. */
export async function withNewLeases<T>(host: Host, place: Place, work: Work<T>): Promise<T> {
  return holding(await lockNew(host, place.folder), host, place, work);
}

/** The folder is there nearly always, and is made when it turns out that it is not. */
async function lockNew(host: Host, folder: string): Promise<() => void> {
  try {
    return await host.flock(store.lockPath(folder));
  } catch (error) {
    // Somebody has it.
    if (error instanceof CniError) throw error;
    store.makeFolder(folder);
    return host.flock(store.lockPath(folder));
  }
}

async function holding<T>(unlock: () => void, host: Host, { network, folder }: Place, work: Work<T>): Promise<T> {
  try {
    const holders = openHolders(host.stateDir, folder);
    try {
      return await work(openBook(host, network, folder, holders));
    } finally {
      holders.close(host.now());
    }
  } finally {
    unlock();
  }
}

function openBook(host: Host, network: string, folder: string, holders: Holders): LeaseBook {
  const book: LeaseBook = {
    heldBy(holder) {
      const noted = holders.addressesOf(holder);
      if (noted.every((address) => isHeld(folder, address, holder))) return noted;
      // A file that was edited in place, or removed without the lock in the moment of sealing.
      holders.rescan();
      return holders.addressesOf(holder);
    },
    all: () => holders.rescan(),
    reserve(address, holder, set) {
      if (!store.createLease(folder, address, holder)) return false;
      try {
        holders.update(holder, [...holders.addressesOf(holder), address]);
        store.writeLastReserved(folder, set, address);
      } catch (error) {
        book.release(address, holder);
        throw error;
      }
      return true;
    },
    release(address, holder) {
      store.removeLease(folder, address);
      holders.update(
        holder,
        holders.addressesOf(holder).filter((other) => other !== address),
      );
    },
    taken: () => new Set(store.leasedAddresses(folder)),
    lastReserved: (set) => store.readLastReserved(folder, set),
    isOfEarlierBoot: (address) => isOfEarlierBoot(host, folder, address),
    isLaterThan: (time, address) => (store.leaseTime(folder, address) ?? 0) >= time,
    abandonedBy: (address) => abandonedHolder(host, network, folder, address),
  };
  return book;
}

/** {@link LeaseBook.isOfEarlierBoot} */
export function isOfEarlierBoot({ bootTime }: Pick<Host, 'bootTime'>, folder: string, address: string): boolean {
  const time = store.leaseTime(folder, address);
  return time !== undefined && time < bootTime - bootMarginMs;
}

/** {@link LeaseBook.abandonedBy} */
export async function abandonedHolder(
  host: Host,
  network: string,
  folder: string,
  address: string,
): Promise<Holder | undefined> {
  if (!isOfEarlierBoot(host, folder, address)) return undefined;
  const lease = store.readLease(folder, address);
  // A file of an old release does not say for which interface it is, so nobody can be asked about it.
  if (lease.state !== 'held' || lease.holder.ifname === '') return undefined;
  const { containerId, ifname } = lease.holder;
  if (host.isAttached(network, containerId, ifname)) return undefined;
  return (await host.isBusy(network, containerId, ifname)) ? undefined : lease.holder;
}

function isHeld(folder: string, address: string, holder: Holder): boolean {
  const lease = store.readLease(folder, address);
  return (
    lease.state === 'held' && lease.holder.containerId === holder.containerId && lease.holder.ifname === holder.ifname
  );
}
