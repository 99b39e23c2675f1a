import { existsSync, statSync } from 'node:fs';
import { formatAddress, parseCidr } from '../cni/addresses';
import { CniError, ErrorCode } from '../cni/errors';
import { readRegularFile } from '../cni/regular-file';
import type { Request } from '../cni/request';
import type { Dns, Result } from '../cni/result';
import { definePlugin, type IpamContext, type LeasePlace } from '../plugin/define';
import { demandWritable } from '../plugin/writable';
import { allocate, heldAlready, isExhausted } from './host-local/allocate';
import { dataDirOf, type HostLocalConfig, hostLocalConfig, settingsOf } from './host-local/config';
import { copyOfLeases } from './host-local/copy';
import { indexFolder } from './host-local/index-cache';
import { type Place, withLeases, withNewLeases } from './host-local/lease-book';
import { formatSet, type Range, type RangeSet, rangeFor } from './host-local/ranges';
import { type Holder, leaseFolder } from './host-local/store';
import { parseResolvConf } from './resolv-conf';

type Context = IpamContext<HostLocalConfig>;

/** Gives out addresses of configured ranges and remembers them in files, in the format of the reference's host-local. */
export const hostLocal = definePlugin<HostLocalConfig>({
  kind: 'ipam',
  type: 'host-local',
  about: 'gives the next free address of its ranges, and remembers it in a file',
  config: hostLocalConfig,
  add,
  preview,
  leases,
  check,
  del,
  gc,
  status,
});

async function add({ request, config, host }: Context): Promise<Result> {
  const { demand, dns, routes } = wanted({ request, config });
  const ips = await withNewLeases(host, placeOf(request), (book) => allocate(book, demand));
  return { ips, ...routes, ...dns };
}

/** As {@link add}, from a copy of the leases that only this call sees. */
async function preview({ request, config, host }: Context, { released = false } = {}): Promise<Result> {
  const { demand, dns, routes } = wanted({ request, config });
  const { network, folder } = placeOf(request);
  const book = copyOfLeases(host, network, folder);
  if (released) for (const { address, holder } of heldAlready(book, demand.holder)) book.release(address, holder);
  return { ips: await allocate(book, demand), ...routes, ...dns };
}

/** The next address of each range set, where these are single ranges and nobody asks for more. */
function leases({ request, config, host }: Context): LeasePlace | undefined {
  const { sets, requested, resolvConf } = settingsOf(config, request);
  const { folder } = placeOf(request);
  const ranges = sets.flatMap(([range, ...more]) => (range && more.length === 0 ? [textsOf(range)] : []));
  if (ranges.length < sets.length || requested.length > 0 || resolvConf !== '') return undefined;
  return { folder, index: indexFolder(host.stateDir, folder), ranges };
}

const textsOf = ({ start, end, gateway }: Range) => ({
  start: formatAddress(start),
  end: formatAddress(end),
  gateway: formatAddress(gateway),
});

/** What an ADD asks of the leases, and what its answer has beside them. */
function wanted({ request, config }: Omit<Context, 'host'>) {
  const { routes, resolvConf, ...demand } = settingsOf(config, request);
  const dns = resolvConf === '' ? {} : readResolvConf(resolvConf);
  return {
    demand: { ...demand, holder: holderOf(request) },
    routes: routes.length > 0 ? { routes } : {},
    dns: Object.keys(dns).length > 0 ? { dns } : {},
  };
}

async function check({ request, config, host }: Context): Promise<void> {
  const { sets } = settingsOf(config, request);
  const place = placeOf(request);
  const held = existsSync(place.folder)
    ? await withLeases(host, place, (book) => heldAlready(book, holderOf(request)).map(({ address }) => address))
    : [];
  const lost = expectedAddresses(request, sets).filter((address) => !held.includes(address));
  if (held.length > 0 && lost.length === 0) return;
  const text = `host-local: Failed to find address added by container ${request.containerId}`;
  throw new CniError(ErrorCode.checkFailed, text, lost.map((address) => `${address} is not leased to it`).join(', '));
}

/** What prevResult says that this interface has, as far as it is ours to give. */
function expectedAddresses({ prevResult, ifname }: Request, sets: readonly RangeSet[]): string[] {
  const ours = (prevResult?.ips ?? []).filter(({ interface: index }) => {
    const owner = index === undefined ? undefined : prevResult?.interfaces?.[index];
    return owner === undefined || (owner.name === ifname && owner.sandbox !== undefined);
  });
  return ours.flatMap((ip) => {
    const address = parseCidr(ip.address)?.address;
    return address && sets.some((set) => rangeFor(set, address)) ? formatAddress(address) : [];
  });
}

/** Releases what this container's interface holds, and only where that is nothing, what an old release gave to the container. */
async function del({ request, host }: IpamContext<HostLocalConfig | undefined>): Promise<void> {
  const place = existingPlace(request, host.warn);
  if (!place) return;
  await withLeases(host, place, (book) => {
    const leases = heldAlready(book, holderOf(request));
    const exact = leases.filter(({ holder }) => holder.ifname === request.ifname);
    for (const { address, holder } of exact.length > 0 ? exact : leases) {
      book.release(address, holder);
      host.released?.(address);
    }
  });
}

/**
 * Releases what no valid attachment holds. An old release's lease is valid if any interface of its container is. One that
 * is on record was added since the list was made, or could not be removed: its address is not free. Nor is one that was
 * leased since, by a plugin that keeps no record.
 */
async function gc({ request, host }: Context): Promise<void> {
  const place = request.validAttachments && existingPlace(request, host.warn);
  if (!place) return;
  const valid = new Set(
    request.validAttachments?.flatMap((it) => [`${it.containerId} ${it.ifname}`, `${it.containerId} `]),
  );
  await withLeases(host, place, async (book) => {
    for (const { holder, addresses } of book.all()) {
      const { containerId, ifname } = holder;
      if (valid.has(`${containerId} ${ifname}`) || host.isAttached(request.name, containerId, ifname)) continue;
      if (await host.isBusy(request.name, containerId, ifname)) continue;
      for (const address of addresses) {
        if (book.isLaterThan(host.began, address)) continue;
        book.release(address, holder);
        host.released?.(address);
      }
    }
  });
}

/** Code 50 when leases cannot be written and, if asked for, when a range set is full: an ADD needs an address of each. */
async function status({ request, config, host }: Context): Promise<void> {
  const { sets, statusOnExhaustion } = settingsOf(config, request);
  const place = placeOf(request);
  demandWritable(place.folder, 'leases cannot be written');
  if (!statusOnExhaustion || !existsSync(place.folder)) return;
  await withLeases(host, place, async (book) => {
    for (const set of sets) {
      if (await isExhausted(book, set)) throw unavailable(`no IP addresses available in range set: ${formatSet(set)}`);
    }
  });
}

function holderOf({ containerId, ifname }: Request): Holder {
  return { containerId, ifname };
}

/** Where the leases of the request's network are. Code 7 when the configuration does not say so. */
function placeOf(request: Request): Place {
  const dataDir = dataDirOf(request);
  if (dataDir === undefined)
    throw new CniError(ErrorCode.invalidConfig, 'invalid configuration: "ipam.dataDir" is no path');
  return { network: request.name, folder: leaseFolder(dataDir, request.name) };
}

/** For removal: undefined where there is nothing, and a warning where what there is cannot be made out. */
function existingPlace(request: Request, warn: (message: string) => void): Place | undefined {
  try {
    const place = placeOf(request);
    if (statSync(place.folder, { throwIfNoEntry: false })?.isDirectory()) return place;
    if (existsSync(place.folder)) warn(`host-local: ${place.folder} is no directory; no lease is released`);
  } catch (error) {
    warn(`host-local: ${(error as Error).message}; no lease is released`);
  }
  return undefined;
}

/** Bytes: some thousand lines. */
const longestResolvConf = 64 * 1024;

function readResolvConf(path: string): Dns {
  try {
    return parseResolvConf(readRegularFile(path, longestResolvConf));
  } catch (error) {
    throw new CniError(ErrorCode.io, `failed to read resolvConf: ${(error as Error).message}`, '', { cause: error });
  }
}

function unavailable(text: string): CniError {
  return new CniError(ErrorCode.unavailable, text);
}
