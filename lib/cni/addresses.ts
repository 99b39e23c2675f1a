/** An IP address. An IPv4-mapped IPv6 address is an IPv4 one, as in Go. */
export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** An address and the length of its network's prefix. The host bits are kept: 10.1.2.3/24 is not 10.1.2.0/24. */
export interface Cidr {
  readonly address: Address;
  readonly prefixLength: number;
}

const bitsOf = { 4: 32, 6: 128 } as const;
const mappedPrefix = 0xffffn;

/** The address that a text is, undefined for anything that Go's `net.ParseIP` refuses: zones, leading zeros, white space. */
export function parseAddress(text: string): Address | undefined {
  const value = text.includes(':') ? parseIPv6(text) : parseIPv4(text);
  if (value === undefined) return undefined;
  if (!text.includes(':')) return { family: 4, value };
  return isMapped(value) ? { family: 4, value: value & 0xffffffffn } : { family: 6, value };
}

function isMapped(value: bigint): boolean {
  return value >> 32n === mappedPrefix;
}

function parseIPv4(text: string): bigint | undefined {
  const octets = text.split('.');
  if (octets.length !== 4) return undefined;
  if (!octets.every((octet) => /^(0|[1-9]\d{0,2})$/.test(octet) && Number(octet) <= 255)) return undefined;
  return octets.reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);
}

function parseIPv6(text: string): bigint | undefined {
  const [before, after, ...more] = text.split('::');
  if (before === undefined || more.length > 0) return undefined;
  const head = parseGroups(before, after === undefined);
  const tail = after === undefined ? [] : parseGroups(after, true);
  if (head === undefined || tail === undefined) return undefined;
  const zeros = 8 - head.length - tail.length;
  // "::" stands for at least one group.
  if (after === undefined ? zeros !== 0 : zeros < 1) return undefined;
  return fromGroups([...head, ...new Array<number>(zeros).fill(0), ...tail]);
}

/** The 16-bit groups of a part of an IPv6 address; only its last part may end in dotted IPv4. */
function parseGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    const dotted = isLast && i === parts.length - 1 && part.includes('.') ? parseIPv4(part) : undefined;
    if (dotted !== undefined) groups.push(Number(dotted >> 16n), Number(dotted & 0xffffn));
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

function fromGroups(groups: readonly number[]): bigint {
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** The canonical text: dotted decimal, or RFC 5952. */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  const { start, length } = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** The first of the longest runs of zero groups. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  for (const [i, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: i + 1 - length, length };
  }
  return best;
}

/**
 * Go's `net.ParseCIDR` with the address as it was written. Of an IPv4-mapped address the prefix is counted from its
 * IPv4 part, so it must be 96 at least.
 */
export function parseCidr(text: string): Cidr | undefined {
  const [addressText, lengthText, ...more] = text.split('/');
  if (addressText === undefined || lengthText === undefined || more.length > 0) return undefined;
  const address = parseAddress(addressText);
  if (address === undefined || !/^\d{1,3}$/.test(lengthText)) return undefined;
  const mapped = address.family === 4 && addressText.includes(':');
  const prefixLength = Number(lengthText) - (mapped ? 96 : 0);
  return prefixLength >= 0 && prefixLength <= bitsOf[address.family] ? { address, prefixLength } : undefined;
}

export function formatCidr({ address, prefixLength }: Cidr): string {
  return `${formatAddress(address)}/${prefixLength}`;
}

/** 4 or 16 bytes in network order. */
export function toBytes({ family, value }: Address): Uint8Array {
  const size = bitsOf[family] / 8;
  return Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * (size - 1 - i))) & 0xffn));
}

/** The address of 4 or 16 bytes in network order; undefined for any other number of bytes. */
export function fromBytes(bytes: Uint8Array): Address | undefined {
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  if (bytes.length === 4 || (bytes.length === 16 && isMapped(value))) return { family: 4, value: value & 0xffffffffn };
  return bytes.length === 16 ? { family: 6, value } : undefined;
}

function hostBits({ address, prefixLength }: Cidr): bigint {
  return BigInt(bitsOf[address.family] - prefixLength);
}

/** The prefix itself, its host bits cleared: 10.1.2.0/24 of 10.1.2.3/24. */
export function networkOf(cidr: Cidr): Cidr {
  const bits = hostBits(cidr);
  return { ...cidr, address: { ...cidr.address, value: (cidr.address.value >> bits) << bits } };
}

/** The last address of the prefix: in IPv4 the broadcast address of a prefix of up to 30 bits. */
export function lastOf(cidr: Cidr): Address {
  return { ...cidr.address, value: cidr.address.value | ((1n << hostBits(cidr)) - 1n) };
}

export function contains(cidr: Cidr, { family, value }: Address): boolean {
  const bits = hostBits(cidr);
  return family === cidr.address.family && value >> bits === cidr.address.value >> bits;
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  return contains(a, networkOf(b).address) || contains(b, networkOf(a).address);
}

/** The address `steps` further on (back, if negative); undefined past either end of the address space. */
export function next({ family, value }: Address, steps = 1): Address | undefined {
  const moved = value + BigInt(steps);
  return moved >= 0n && moved >> BigInt(bitsOf[family]) === 0n ? { family, value: moved } : undefined;
}

/** For sorting: IPv4 before IPv6, then by value. */
export function compare(a: Address, b: Address): number {
  if (a.family !== b.family) return a.family - b.family;
  return a.value < b.value ? -1 : Number(a.value > b.value);
}

/** Whether a text, with or without a prefix length, is an IPv6 address and not an IPv4-mapped one. */
export function isIPv6(text: string): boolean {
  return (text.includes('/') ? parseCidr(text)?.address : parseAddress(text))?.family === 6;
}

/** The prefix of one address: /32 or /128. */
export function hostPrefix(address: Address): Cidr {
  return { address, prefixLength: bitsOf[address.family] };
}
