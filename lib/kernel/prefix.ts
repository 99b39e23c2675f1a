import { type Cidr, formatAddress, formatCidr, networkOf, parseAddress, parseCidr } from '../cni/addresses';

/** The prefix that a text is which the kernel gave or a schema let pass. Throws TypeError for any other text. */
export function prefix(text: string): Cidr {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new TypeError(`"${text}" is not an address with a prefix length`);
  return parsed;
}

/** Its address alone: "10.1.2.3" of "10.1.2.3/24". */
export function ipOf(text: string): string {
  return formatAddress(prefix(text).address);
}

/** Its network: "10.1.2.0/24" of "10.1.2.3/24". */
export function subnetOf(text: string): string {
  return formatCidr(networkOf(prefix(text)));
}

/** Whether two texts are one address with one prefix length, however each is written. */
export function samePrefix(a: string, b: string): boolean {
  return formatCidr(prefix(a)) === formatCidr(prefix(b));
}

/** Whether two texts are one address, however each is written. */
export function sameAddress(a: string, b: string): boolean {
  const [x, y] = [parseAddress(a), parseAddress(b)];
  return x !== undefined && y !== undefined && x.family === y.family && x.value === y.value;
}
