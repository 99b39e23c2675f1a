import { type Cidr, formatAddress, hostPrefix, networkOf, parseAddress, parseCidr } from '../../cni/addresses';
import { CniError, ErrorCode } from '../../cni/errors';
import type { NftExpr } from '../../kernel/contract';
import { addressField, type Family, fromLink, inPrefix } from '../nft-exprs';

/**
 * `conditionsV4` and `conditionsV6`: words of iptables that say which packets a mapping is for. What the documentation of
 * the reference shows is understood: `-s` and `-d` with addresses, prefixes and comma lists of them, `-i` with a name or
 * a beginning (`eth+`), each with `!`.
 */
export interface Condition {
  what: 'saddr' | 'daddr' | 'iif';
  not: boolean;
  /** Any of these: prefixes in canonical text, or names of links. */
  values: string[];
}

const options: Readonly<Record<string, Condition['what']>> = {
  '-s': 'saddr',
  '--source': 'saddr',
  '--src': 'saddr',
  '-d': 'daddr',
  '--destination': 'daddr',
  '--dst': 'daddr',
  '-i': 'iif',
  '--in-interface': 'iif',
};

type Key = 'conditionsV4' | 'conditionsV6';

/** Throws code 7 with the word that is not understood. */
export function parseConditions(words: readonly string[], family: Family): Condition[] {
  const key: Key = family === 'ip' ? 'conditionsV4' : 'conditionsV6';
  const rest = words.filter((word) => word !== '');
  const conditions: Condition[] = [];
  while (rest.length > 0) conditions.push(takeCondition(rest, key, family));
  return conditions;
}

/** `! -s 10.0.0.0/8` and, as older iptables wrote it, `-s ! 10.0.0.0/8`. */
function takeCondition(rest: string[], key: Key, family: Family): Condition {
  const before = takeNot(rest);
  const option = rest.shift() ?? '!';
  const what = options[option];
  if (what === undefined) throw notUnderstood(key, option);
  const not = takeNot(rest) || before;
  const value = rest.shift();
  if (value === undefined) throw notUnderstood(key, option, 'nothing follows it');
  const values = what === 'iif' ? [value] : value.split(',').map((text) => addressIn(text, key, family));
  if (what === 'iif') demandPattern(value, key);
  // As iptables has it: "not this one, or not that one" would be true of everything.
  if (not && values.length > 1) throw notUnderstood(key, value, '"!" goes with one address only');
  return { what, not, values };
}

function takeNot(rest: string[]): boolean {
  if (rest[0] !== '!') return false;
  rest.shift();
  return true;
}

function addressIn(text: string, key: Key, family: Family): string {
  const address = parseAddress(text);
  const found = address ? hostPrefix(address) : (parseCidr(text) ?? withMask(text));
  if (found === undefined || found.address.family !== (family === 'ip' ? 4 : 6)) throw notUnderstood(key, text);
  const { address: network, prefixLength } = networkOf(found);
  return `${formatAddress(network)}/${prefixLength}`;
}

/** "10.0.0.0/255.0.0.0" */
function withMask(text: string): Cidr | undefined {
  const [address, mask] = text.split('/').map((part) => parseAddress(part));
  if (address?.family !== 4 || mask?.family !== 4) return undefined;
  const bits = mask.value.toString(2).padStart(32, '0');
  return /^1*0*$/.test(bits) ? { address, prefixLength: bits.lastIndexOf('1') + 1 } : undefined;
}

/** IFNAMSIZ is 16 with its NUL. */
function demandPattern(name: string, key: Key): void {
  if (!/^[^\s/+]{1,15}$|^[^\s/+]{1,14}\+$/.test(name)) throw notUnderstood(key, name);
}

function notUnderstood(key: Key, word: string, why = 'not understood'): CniError {
  const known = 'known are -s, -d and -i with "!" and lists of addresses';
  return new CniError(ErrorCode.invalidConfig, `invalid configuration: "${key}": "${word}": ${why}`, known);
}

/** The ways to fulfil all conditions, each of them a row of expressions for a rule of its own: rules know no "or". */
export function alternatives(conditions: readonly Condition[], family: Family): NftExpr[][] {
  return conditions.reduce<NftExpr[][]>(
    (ways, { what, not, values }) =>
      ways.flatMap((way) =>
        values.map((value) => [
          ...way,
          ...(what === 'iif' ? fromLink(value, not) : inPrefix(addressField(family, what), value, not)),
        ]),
      ),
    [[]],
  );
}

/** How conditions are told apart: canonical, whatever the words they were written with. */
export function conditionsText(conditions: readonly Condition[]): string {
  return conditions.map(({ what, not, values }) => `${what} ${not ? '!= ' : ''}${values.join(',')}`).join(' ');
}
