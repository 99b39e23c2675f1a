import fc from 'fast-check';
import { hostileText } from './hostile';

/** What becomes of a configuration's text on its way to the plugin. */
export type Mutation = (text: string) => Buffer;

const intact: Mutation = (text) => Buffer.from(text);

const at = (text: Buffer, where: number): number => Math.floor(where * text.length);

const position = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

const cut = position.map<Mutation>((where) => (text) => {
  const bytes = Buffer.from(text);
  return bytes.subarray(0, at(bytes, where));
});

const overwrite = fc
  .tuple(position, fc.uint8Array({ minLength: 1, maxLength: 4 }))
  .map<Mutation>(([where, noise]) => (text) => {
    const bytes = Buffer.from(text);
    bytes.set(noise.subarray(0, bytes.length - at(bytes, where)), at(bytes, where));
    return bytes;
  });

/** Bytes that are no UTF-8, and characters that JSON or a C string does not have. */
const intruders = ['ff', 'c3', 'c080', 'eda080', 'f4908080', '00', '1b', '0a', '7f', 'efbbbf', '2c', '22', '5b', '7b'];

const insert = fc.tuple(position, fc.constantFrom(...intruders)).map<Mutation>(([where, hex]) => (text) => {
  const bytes = Buffer.from(text);
  const place = at(bytes, where);
  return Buffer.concat([bytes.subarray(0, place), Buffer.from(hex, 'hex'), bytes.subarray(place)]);
});

/** Replaces one of the strings of the text. */
const otherString = fc.tuple(position, hostileText).map<Mutation>(([where, replacement]) => (text) => {
  const strings = [...text.matchAll(/"[^"\\]*"/g)];
  const chosen = strings[Math.floor(where * strings.length)];
  return Buffer.from(chosen ? text.replace(chosen[0], () => JSON.stringify(replacement)) : text);
});

const tokens = ['1e999', '-0', '-1e999', '1e-400', '0.1', '123456789012345678901234567890', 'null', 'true', '[]', '{}'];
const strings = [
  '"\\u0000"',
  '"a\\u0000b"',
  '"\\ud800"',
  '"\\"',
  '"\\u00"',
  "'x'",
  'NaN',
  'undefined',
  '{"__proto__":{}}',
];

/** Replaces one of the values of the text by a token, which need not be JSON. */
const otherValue = fc
  .tuple(position, fc.constantFrom(...tokens, ...strings))
  .map<Mutation>(([where, token]) => (text) => {
    const values = [...text.matchAll(/:("[^"\\]*"|-?[\d.]+|true|false)/g)];
    const chosen = values[Math.floor(where * values.length)];
    if (chosen === undefined) return Buffer.from(text);
    return Buffer.from(`${text.slice(0, chosen.index)}:${token}${text.slice(chosen.index + chosen[0].length)}`);
  });

/** Writes a key's letters in the other case, or says it twice. */
const otherCase = position.map<Mutation>((where) => (text) => {
  const keys = [...text.matchAll(/"\w+":/g)];
  const chosen = keys[Math.floor(where * keys.length)]?.[0];
  return Buffer.from(chosen ? text.replace(chosen, chosen.toUpperCase()) : text);
});

const keys = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'name',
  'NAME',
  'cniVersion',
  'ipam',
  'IPAM',
  'type',
  '',
];
const values = ['{}', '[]', '"x"', '5', 'null', '{"type":"host-local"}', '{"mtu":7,"mac":8,"ips":9,"ranges":[[{}]]}'];

/** Puts a key behind all others, of its object or of an inner one, where it may be there already. */
const moreKeys = fc
  .tuple(position, fc.constantFrom(...keys), fc.constantFrom(...values))
  .map<Mutation>(([where, key, value]) => (text) => {
    const ends = [...text.matchAll(/\}/g)];
    const end = ends[Math.floor(where * ends.length)]?.index ?? 0;
    const comma = /\{\s*$/.test(text.slice(0, end)) ? '' : ',';
    return Buffer.from(`${text.slice(0, end)}${comma}${JSON.stringify(key)}:${value}${text.slice(end)}`);
  });

export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(intact) },
  cut,
  overwrite,
  insert,
  otherString,
  otherValue,
  otherCase,
  moreKeys,
);

/** Documents whose size or depth is the attack, by what they are; made only when they are sent. */
export const monsters: Readonly<Record<string, () => string>> = {
  'a million lists in lists': () => '['.repeat(1_000_000),
  'a million lists in lists, closed': () => `${'['.repeat(500_000)}${']'.repeat(500_000)}`,
  'a million objects in objects': () => '{"a":'.repeat(200_000),
  'nesting within a configuration': () => `{"name":"net","x":${'['.repeat(300)}${']'.repeat(300)}}`,
  'nesting in ipam': () => `{"cniVersion":"1.0.0","name":"net","ipam":${'{"a":'.repeat(300)}1${'}'.repeat(301)}`,
  'a string that never ends': () => `{"name":"${'x'.repeat(1_000_000)}`,
  'a name of a megabyte': () => `{"cniVersion":"1.0.0","name":"${'x'.repeat(1_000_000)}"}`,
  'a version of a megabyte': () => `{"cniVersion":"${'1'.repeat(1_000_000)}","name":"net"}`,
  'a type of a megabyte': () => bigConfig(`"ipam":{"type":"${'x'.repeat(1_000_000)}"}`),
  'a bridge of a megabyte': () => bigConfig(`"bridge":"${'x'.repeat(1_000_000)}"`),
  'a number of a megabyte': () => bigConfig(`"mtu":${'1'.repeat(1_000_000)}`),
  'a subnet of a megabyte': () => bigConfig(`"ipam":{"type":"host-local","subnet":"${'1:'.repeat(500_000)}"}`),
  'a hundred thousand keys': () => bigConfig(list(100_000, (i) => `"k${i}":${i}`)),
  'a hundred thousand times one key': () => bigConfig(list(100_000, () => '"ipam":5')),
  'white space': () => `${' '.repeat(1_000_000)}{}`,
  'nothing but quotes': () => '"'.repeat(1_000_001),
  'nothing but backslashes': () => `{"name":"${'\\'.repeat(1_000_000)}"}`,
};

/** As {@link monsters}, for fields that take lists. What follows from them is wrong only in its last element, or in the first. */
export const longLists: Readonly<Record<string, () => string>> = {
  'trunks that are all VLANs': () =>
    bigConfig(`"vlanTrunk":[${list(50_000, () => '{"minID":1,"maxID":4094}')}],"mtu":1`),
  'trunks, the last of them none': () =>
    bigConfig(`"vlanTrunk":[${list(50_000, () => '{"minID":1,"maxID":4094}')},{"id":0}]`),
  'ranges that overlap': () =>
    bigConfig(`"ipam":{"type":"host-local","ranges":[${list(20_000, () => '[{"subnet":"10.9.0.0/24"}]')}]}`),
  'ranges side by side, the last one none': () =>
    bigConfig(
      `"ipam":{"type":"host-local","ranges":[${list(20_000, (i) => `[{"subnet":"10.${(i >> 6) & 255}.${(i & 63) * 4}.0/30"}]`)},[]]}`,
    ),
  'one set of very many ranges': () =>
    bigConfig(
      `"ipam":{"type":"host-local","ranges":[[${list(20_000, (i) => `{"subnet":"fd00:${i.toString(16)}::/64"}`)},{"subnet":"10.9.0.0/24"}]]}`,
    ),
  'addresses of which two are one': () =>
    bigConfig(
      `"ipam":{"type":"static","addresses":[${list(20_000, (i) => `{"address":"fd00::${i.toString(16)}/64"}`)},{"address":"fd00::0/64"}]}`,
    ),
  'requested addresses': () =>
    bigConfig(
      `"ipam":{"type":"host-local","subnet":"10.9.0.0/16"},"runtimeConfig":{"ips":[${list(20_000, (i) => `"10.9.${i >> 8}.${i & 255}"`)}]}`,
    ),
  'interfaces in prevResult': () =>
    bigConfig(
      `"prevResult":{"interfaces":[${list(50_000, (i) => `{"name":"veth${i}","mac":"02:00:00:00:00:01"}`)},5]}`,
    ),
};

/** A configuration of bridge, up to its IPAM, with more in it. */
const bigConfig = (more: string): string =>
  `{"cniVersion":"1.0.0","name":"net","type":"bridge","bridge":"fz0",${more}}`;

const list = (length: number, element: (i: number) => string): string =>
  Array.from({ length }, (_, i) => element(i)).join(',');
