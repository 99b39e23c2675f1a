import { type Address, compare, formatAddress, formatCidr, parseAddress } from '../../cni/addresses';
import { CniError, ErrorCode } from '../../cni/errors';
import type { IpConfig } from '../../cni/result';
import type { LeaseBook } from './lease-book';
import { type Candidate, candidates, formatSet, type RangeSet, rangeFor } from './ranges';
import type { Holder } from './store';

/** What an ADD asks for: an address of each range set. */
export interface Demand {
  sets: readonly RangeSet[];
  requested: readonly Address[];
  holder: Holder;
}

/** After so many leased addresses in a row one look at the folder is cheaper than another try. */
const triesBeforeListing = 32;

/**
 * Leases an address of every range set, or none. What this very container held before the machine was started is given
 * back first and preferred. Errors are the reference's, code 999.
 */
export async function allocate(book: LeaseBook, { sets, requested, holder }: Demand): Promise<IpConfig[]> {
  const wanted = assign(sets, requested);
  const former = releaseFormer(book, holder);
  const granted: Candidate[] = [];
  try {
    for (const [index, set] of sets.entries()) {
      const want: Want = { set, index, holder, requested: wanted[index], former };
      granted.push(await grant(book, want));
    }
  } catch (error) {
    for (const { address } of granted) book.release(formatAddress(address), holder);
    throw error;
  }
  return granted.map(toIpConfig);
}

/** Which requested address is to come from which set: at most one of each. All must find a place. */
export function assign(sets: readonly RangeSet[], requested: readonly Address[]): (Address | undefined)[] {
  const open = [...requested];
  const assigned = sets.map((set) => {
    const at = open.findIndex((address) => rangeFor(set, address));
    return at < 0 ? undefined : open.splice(at, 1)[0];
  });
  if (open.length === 0) return assigned;
  throw refusal(`failed to allocate all requested IPs: ${open.map(formatAddress).join(' ')}`);
}

interface Want {
  set: RangeSet;
  /** The set's number, which the name of its last_reserved_ip file carries. */
  index: number;
  holder: Holder;
  requested: Address | undefined;
  former: readonly Address[];
}

/** The leases of a holder, and after them those that old releases, which wrote the container ID alone, gave its container. */
export function heldAlready(book: LeaseBook, holder: Holder): { address: string; holder: Holder }[] {
  return [holder, { ...holder, ifname: '' }].flatMap((who) =>
    book.heldBy(who).map((address) => ({ address, holder: who })),
  );
}

function releaseFormer(book: LeaseBook, holder: Holder): Address[] {
  const former = heldAlready(book, holder).filter(({ address }) => book.isOfEarlierBoot(address));
  for (const lease of former) book.release(lease.address, lease.holder);
  return former.flatMap(({ address }) => parseAddress(address) ?? []);
}

async function grant(book: LeaseBook, want: Want): Promise<Candidate> {
  try {
    return await (want.requested ? takeRequested(book, want, want.requested) : takeAny(book, want));
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    throw new CniError(error.code, `failed to allocate for range ${want.index}: ${error.msg}`, error.details);
  }
}

async function takeRequested(book: LeaseBook, want: Want, address: Address): Promise<Candidate> {
  const text = formatAddress(address);
  const candidate = candidateFor(want.set, address);
  if (!candidate) throw refusal(`requested ip ${text} is subnet's gateway`);
  if (take(book, want, candidate) || (await takeOver(book, want, candidate))) return candidate;
  throw refusal(`requested IP address ${text} is not available in range set ${formatSet(want.set)}`);
}

async function takeAny(book: LeaseBook, want: Want): Promise<Candidate> {
  refuseDuplicate(book, want);
  const candidate = takeFormer(book, want) ?? takeFree(book, want) ?? (await takeAbandoned(book, want));
  if (candidate) return candidate;
  throw refusal(`no IP addresses available in range set: ${formatSet(want.set)}`);
}

function refuseDuplicate(book: LeaseBook, { set, holder }: Want): void {
  for (const { address } of heldAlready(book, holder)) {
    const parsed = parseAddress(address);
    if (!parsed || !rangeFor(set, parsed)) continue;
    throw refusal(`${address} has been allocated to ${holder.containerId}, duplicate allocation is not allowed`);
  }
}

function takeFormer(book: LeaseBook, want: Want): Candidate | undefined {
  return want.former.flatMap((address) => candidateFor(want.set, address) ?? []).find((it) => take(book, want, it));
}

/** The next address without a lease. Tries a few before it lists the folder: on most nodes the first one is free. */
function takeFree(book: LeaseBook, want: Want): Candidate | undefined {
  let tries = 0;
  let taken: ReadonlySet<string> = new Set();
  for (const candidate of candidates(want.set, lastReserved(book, want))) {
    if (taken.has(formatAddress(candidate.address))) continue;
    if (take(book, want, candidate)) return candidate;
    tries += 1;
    if (tries === triesBeforeListing) taken = book.taken();
  }
  return undefined;
}

/** Only where the pool would be exhausted otherwise: the next lease of an earlier boot whose holder is not there any more. */
async function takeAbandoned(book: LeaseBook, want: Want): Promise<Candidate | undefined> {
  for (const candidate of candidates(want.set, lastReserved(book, want))) {
    if (await takeOver(book, want, candidate)) return candidate;
  }
  return undefined;
}

async function takeOver(book: LeaseBook, want: Want, candidate: Candidate): Promise<boolean> {
  const address = formatAddress(candidate.address);
  const former = await book.abandonedBy(address);
  if (!former) return false;
  book.release(address, former);
  return take(book, want, candidate);
}

function take(book: LeaseBook, { holder, index }: Want, { address }: Candidate): boolean {
  return book.reserve(formatAddress(address), holder, index);
}

function lastReserved(book: LeaseBook, { index }: Want): Address | undefined {
  return parseAddress(book.lastReserved(index));
}

/** An address of the set with its range; undefined for the range's gateway. */
function candidateFor(set: RangeSet, address: Address): Candidate | undefined {
  const range = rangeFor(set, address);
  return range && compare(address, range.gateway) !== 0 ? { address, range } : undefined;
}

/** Whether no address of the set could be given out, abandoned leases included. */
export async function isExhausted(book: Pick<LeaseBook, 'taken' | 'abandonedBy'>, set: RangeSet): Promise<boolean> {
  const taken = book.taken();
  for (const { address } of candidates(set)) {
    const text = formatAddress(address);
    if (!taken.has(text) || (await book.abandonedBy(text))) return false;
  }
  return true;
}

function toIpConfig({ address, range }: Candidate): IpConfig {
  const { prefixLength } = range.subnet;
  return { address: formatCidr({ address, prefixLength }), gateway: formatAddress(range.gateway) };
}

function refusal(text: string): CniError {
  return new CniError(ErrorCode.internal, text);
}
