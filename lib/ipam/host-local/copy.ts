import { existsSync } from 'node:fs';
import type { Host } from '../../plugin/define';
import { abandonedHolder, isOfEarlierBoot, type LeaseBook } from './lease-book';
import type { Holder } from './store';
import * as store from './store';

/**
 * A network's leases as they are at this moment, to plan with: what is leased and released in it is seen by this very
 * book only. Nothing is locked, made, written or cleaned up. A lease without a holder is debris, which an ADD would remove.
 */
export function copyOfLeases(host: Host, network: string, folder: string): LeaseBook {
  const addresses = existsSync(folder) ? store.leasedAddresses(folder) : [];
  const leases = new Map<string, Holder | undefined>();
  for (const address of addresses.sort()) {
    const lease = store.readLease(folder, address);
    if (lease.state === 'held') leases.set(address, lease.holder);
    if (lease.state === 'foreign') leases.set(address, undefined);
  }
  const ofHolder = (wanted: Holder): string[] =>
    [...leases].flatMap(([address, holder]) => (holder && isSame(holder, wanted) ? [address] : []));
  return {
    heldBy: ofHolder,
    all: () => [...leases.values()].flatMap((holder) => (holder ? [{ holder, addresses: ofHolder(holder) }] : [])),
    reserve(address, holder) {
      if (leases.has(address)) return false;
      leases.set(address, holder);
      return true;
    },
    release: (address) => void leases.delete(address),
    taken: () => new Set(leases.keys()),
    lastReserved: (set) => store.readLastReserved(folder, set),
    isOfEarlierBoot: (address) => isOfEarlierBoot(host, folder, address),
    isLaterThan: (time, address) => (store.leaseTime(folder, address) ?? 0) >= time,
    abandonedBy: (address) => abandonedHolder(host, network, folder, address),
  };
}

const isSame = (a: Holder, b: Holder): boolean => a.containerId === b.containerId && a.ifname === b.ifname;
