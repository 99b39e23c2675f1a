import { toBytes } from '../cni/addresses';
import type { NftExpr } from '../kernel/contract';
import { prefix } from '../kernel/prefix';

/** What rules of ours are made of: each function is a phrase as `nft` writes it, in the kernel's expressions. */

export type Family = 'ip' | 'ip6';

/** Where an address is in its header, in bytes. */
export interface AddressField {
  offset: number;
  length: number;
}

const fields = {
  ip: { saddr: { offset: 12, length: 4 }, daddr: { offset: 16, length: 4 } },
  ip6: { saddr: { offset: 8, length: 16 }, daddr: { offset: 24, length: 16 } },
} as const;

export function addressField(family: Family, which: 'saddr' | 'daddr'): AddressField {
  return fields[family][which];
}

/** The number of bits of an address. */
export const bitsOf = (family: Family): number => fields[family].saddr.length * 8;

/** `meta nfproto ipv4`: NFPROTO_IPV4 is 2, NFPROTO_IPV6 is 10. */
export function isFamily(family: Family): NftExpr[] {
  return [
    { expr: 'meta', key: 'nfproto', dreg: 1 },
    { expr: 'cmp', sreg: 1, op: 'eq', data: family === 'ip' ? '02' : '0a' },
  ];
}

/** `ip saddr`, into a register. */
export function loadAddress({ offset, length }: AddressField, dreg = 1): NftExpr {
  return { expr: 'payload', base: 'network', offset, length, dreg };
}

/** `& <mask>`, in place; a mask of hexadecimal digits. */
export function masked(register: number, mask: string): NftExpr {
  const length = mask.length / 2;
  return { expr: 'bitwise', sreg: register, dreg: register, length, mask, xor: '00'.repeat(length) };
}

/** "ffffff00" of 24 bits of an IPv4 address. */
export function maskOf(prefixLength: number, bits: number): string {
  return ((1n << BigInt(bits)) - (1n << BigInt(bits - prefixLength))).toString(16).padStart(bits / 4, '0');
}

/** `ip saddr 10.0.0.0/8`, or with `not` `ip saddr != 10.0.0.0/8`. */
export function inPrefix(field: AddressField, subnet: string, not = false): NftExpr[] {
  const { address, prefixLength } = prefix(subnet);
  const data = Buffer.from(toBytes(address)).toString('hex');
  return [
    loadAddress(field),
    masked(1, maskOf(prefixLength, field.length * 8)),
    { expr: 'cmp', sreg: 1, op: not ? 'neq' : 'eq', data },
  ];
}

/** IFNAMSIZ */
const nameBytes = 16;

/** `iifname "eth0"`, `iifname "eth*"` for "eth+" as iptables has it, or with `not` the contrary. */
export function fromLink(pattern: string, not = false): NftExpr[] {
  const isBeginning = pattern.endsWith('+');
  const name = Buffer.from(isBeginning ? pattern.slice(0, -1) : pattern).toString('hex');
  return [
    { expr: 'meta', key: 'iifname', dreg: 1 },
    { expr: 'cmp', sreg: 1, op: not ? 'neq' : 'eq', data: isBeginning ? name : name.padEnd(2 * nameBytes, '0') },
  ];
}

/** IPS_DST_NAT of linux/netfilter/nf_conntrack_common.h, in the host's order, which is little endian on all that is supported. */
const dstNat = '20000000';

/** `ct status dnat`: somebody has chosen another destination for the connection. */
export const isTranslated: readonly NftExpr[] = [
  { expr: 'ct', key: 'status', dreg: 1 },
  masked(1, dstNat),
  { expr: 'cmp', sreg: 1, op: 'neq', data: '00000000' },
];

/** RTN_LOCAL is 2. `fib daddr type local`: it is an address of this host's. */
export const isToHost: readonly NftExpr[] = [
  { expr: 'fib', result: 'type', of: 'daddr', dreg: 1 },
  { expr: 'cmp', sreg: 1, op: 'eq', data: '02000000' },
];
