import * as v from 'valibot';
import { formatAddress, formatCidr, parseAddress, parseCidr } from './addresses';
import { isLinkName } from './link-name';
import { parseMac } from './mac';

/** A text that `canonical` understands, in its canonical form. */
function textOf(what: string, canonical: (text: string) => string | undefined) {
  const message = `expected ${what}`;
  return v.pipe(
    v.string(message),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const value = canonical(dataset.value);
      if (value !== undefined) return value;
      addIssue({ message });
      return NEVER;
    }),
  );
}

/** An IPv4 or IPv6 address, in canonical text. */
export const ipAddress = textOf('an IP address', (text) => {
  const address = parseAddress(text);
  return address && formatAddress(address);
});

/** An address with its prefix length, host bits kept, in canonical text. */
export const cidr = textOf('an IP address with a prefix length, such as 10.1.2.3/24', (text) => {
  const parsed = parseCidr(text);
  return parsed && formatCidr(parsed);
});

/** A 48-bit MAC, as `02:42:ac:11:00:02`. */
export const mac = textOf('a MAC address', parseMac);

export const linkName = textOf('the name of a link: up to 15 bytes without "/", ":", "%" or white space', (text) =>
  isLinkName(text) ? text : undefined,
);

export interface Bounds {
  min?: number;
  max?: number;
}

/** A whole number within bounds, both inclusive. */
export function int({ min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER }: Bounds = {}) {
  const message = `expected a whole number${boundsText(min, max)}`;
  return v.pipe(v.number(message), v.safeInteger(message), v.minValue(min, message), v.maxValue(max, message));
}

function boundsText(min: number, max: number): string {
  const bounded = { below: min > Number.MIN_SAFE_INTEGER, above: max < Number.MAX_SAFE_INTEGER };
  if (bounded.below && bounded.above) return ` from ${min} to ${max}`;
  if (bounded.below) return ` of at least ${min}`;
  return bounded.above ? ` of at most ${max}` : '';
}

/** Elements. */
const longestList = 1024;

/** A list that is as long as anybody needs: what is done with its elements may take the square of their number. */
export function list<const S extends v.GenericSchema>(item: S) {
  return v.pipe(v.array(item), v.maxLength(longestList, `expected at most ${longestList} elements`));
}

/** The keys of `dns`, in configurations and in results. */
export const dnsEntries = {
  nameservers: v.exactOptional(v.array(v.string())),
  domain: v.exactOptional(v.string()),
  search: v.exactOptional(v.array(v.string())),
  options: v.exactOptional(v.array(v.string())),
};

/** The numbers of a route, in configurations and in results, as far as the kernel could take them. */
export const routeNumbers = {
  mtu: v.exactOptional(int({ min: 0, max: 2 ** 31 - 1 })),
  advmss: v.exactOptional(int({ min: 0, max: 2 ** 31 - 1 })),
  priority: v.exactOptional(int({ min: 0, max: 2 ** 32 - 1 })),
  table: v.exactOptional(int({ min: 0, max: 2 ** 32 - 1 })),
  scope: v.exactOptional(int({ min: 0, max: 255 })),
};

/** The keys that every plugin's configuration may have: spread them into its schema, and its own after them. */
export const netConfEntries = {
  cniVersion: v.exactOptional(v.string()),
  name: v.exactOptional(v.string()),
  type: v.exactOptional(v.string()),
  ipam: v.exactOptional(v.looseObject({ type: v.exactOptional(v.string()) })),
  dns: v.exactOptional(v.object(dnsEntries)),
  runtimeConfig: v.exactOptional(v.looseObject({})),
  args: v.exactOptional(v.unknown()),
  prevResult: v.exactOptional(v.unknown()),
  // What is wrong with where to write a trace is worth a warning, never a pod: whoever writes it looks himself.
  trestle: v.exactOptional(v.unknown()),
};
