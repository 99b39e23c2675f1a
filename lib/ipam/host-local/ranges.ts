import {
  type Address,
  type Cidr,
  compare,
  contains,
  formatAddress,
  formatCidr,
  lastOf,
  networkOf,
  next,
} from '../../cni/addresses';
import { CniError, ErrorCode } from '../../cni/errors';

/** A range as it is configured. */
export interface RangeSpec {
  subnet: Cidr;
  rangeStart?: Address | undefined;
  rangeEnd?: Address | undefined;
  gateway?: Address | undefined;
}

/** Addresses from `start` to `end`, both included; a gateway among them is not given out. */
export interface Range {
  subnet: Cidr;
  start: Address;
  end: Address;
  gateway: Address;
}

/** Ranges of one family of which an attachment gets one address. */
export type RangeSet = readonly Range[];

/** Code 7, in the words of the reference. */
function fault(text: string): CniError {
  return new CniError(ErrorCode.invalidConfig, text);
}

/**
 * Checks the configured range sets and fills in what they leave out. The gateway may lie outside of the subnet, as the
 * reference has allowed since its 0.8. Code 7 otherwise.
 */
export function completeSets(specs: readonly (readonly RangeSpec[])[]): RangeSet[] {
  const sets = specs.map((set, i) => {
    try {
      return completeSet(set);
    } catch (error) {
      throw error instanceof CniError ? fault(`invalid range set ${i}: ${error.msg}`) : error;
    }
  });
  for (const [i, a] of sets.entries()) {
    const j = sets.findIndex((b, k) => k > i && setsOverlap(a, b));
    if (j > 0) throw fault(`range set ${i} overlaps with ${j}`);
  }
  return sets;
}

function completeSet(specs: readonly RangeSpec[]): RangeSet {
  if (specs.length === 0) throw fault('empty range set');
  const set = specs.map(completeRange);
  if (set.some(({ start }) => start.family !== set[0]?.start.family)) throw fault('mixed address families');
  for (const [i, a] of set.entries()) {
    const b = set.slice(i + 1).find((other) => rangesOverlap(a, other));
    if (b) throw fault(`subnets ${formatRange(a)} and ${formatRange(b)} overlap`);
  }
  return set;
}

/** Defaults: the gateway is the subnet's first address, the range goes from there to the last one that is no broadcast address. */
export function completeRange({ subnet, rangeStart, rangeEnd, gateway }: RangeSpec): Range {
  demandAllocatable(subnet);
  const first = next(subnet.address) ?? subnet.address;
  const last = lastOf(subnet);
  const end = rangeEnd ?? (last.family === 4 ? next(last, -1) : last) ?? last;
  const start = rangeStart ?? first;
  const demandInside = (name: string, address: Address, wanted: boolean): void => {
    if (wanted) return;
    throw fault(`${name} ${formatAddress(address)} not in network ${formatCidr(subnet)}`);
  };
  // An explicit start after the end is reported as the reference does: as a start that is not in the network.
  demandInside('RangeStart', start, rangeStart === undefined || (contains(subnet, start) && compare(start, end) <= 0));
  demandInside('RangeEnd', end, rangeEnd === undefined || (contains(subnet, end) && compare(start, end) <= 0));
  return { subnet, start, end, gateway: gateway ?? first };
}

/** At least /30 or /126, and written as a network, not as one of its addresses. */
function demandAllocatable(subnet: Cidr): void {
  const longest = subnet.address.family === 4 ? 30 : 126;
  if (subnet.prefixLength > longest) throw fault(`Network ${formatCidr(subnet)} too small to allocate from`);
  const network = networkOf(subnet).address;
  if (compare(network, subnet.address) === 0) return;
  throw fault(
    `Network has host bits set. For a subnet mask of length ${subnet.prefixLength} the network address is ${formatAddress(network)}`,
  );
}

export function inRange({ start, end }: Range, address: Address): boolean {
  return address.family === start.family && compare(start, address) <= 0 && compare(address, end) <= 0;
}

/** The range of the set that an address belongs to. */
export function rangeFor(set: RangeSet, address: Address): Range | undefined {
  return set.find((range) => inRange(range, address));
}

function rangesOverlap(a: Range, b: Range): boolean {
  return a.start.family === b.start.family && compare(a.start, b.end) <= 0 && compare(b.start, a.end) <= 0;
}

export function setsOverlap(a: RangeSet, b: RangeSet): boolean {
  return a.some((range) => b.some((other) => rangesOverlap(range, other)));
}

function formatRange({ start, end }: Range): string {
  return `${formatAddress(start)}-${formatAddress(end)}`;
}

/** "10.1.2.1-10.1.2.254,10.1.3.1-10.1.3.254" */
export function formatSet(set: RangeSet): string {
  return set.map(formatRange).join(',');
}

/** An address that may be given out, and the range it is from. */
export interface Candidate {
  address: Address;
  range: Range;
}

/**
 * Every address of the set that may be given out, once, in the order in which it is tried: round robin, beginning after
 * the address given out last (at the set's first when that is unknown), so that a container which crashes again and
 * again does not see the same address until all others had their turn.
 */
export function* candidates(set: RangeSet, last?: Address): Generator<Candidate> {
  const lastRange = last && rangeFor(set, last);
  const first = last && lastRange ? after(set, { address: last, range: lastRange }) : set[0] && firstOf(set[0]);
  if (first === undefined) return;
  let candidate = first;
  do {
    if (compare(candidate.address, candidate.range.gateway) !== 0) yield candidate;
    candidate = after(set, candidate);
  } while (compare(candidate.address, first.address) !== 0);
}

function firstOf(range: Range): Candidate {
  return { address: range.start, range };
}

/** The next address of the set, its first after its last. */
function after(set: RangeSet, { address, range }: Candidate): Candidate {
  const following = compare(address, range.end) < 0 ? next(address) : undefined;
  return following ? { address: following, range } : firstOf(set[(set.indexOf(range) + 1) % set.length] ?? range);
}
