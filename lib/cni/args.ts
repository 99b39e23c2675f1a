import { CniError, ErrorCode } from './errors';
import { quoteList } from './quote';

/** `CNI_ARGS`: as it came, and as ordered pairs. */
export interface CniArgs {
  text: string;
  pairs: readonly (readonly [key: string, value: string])[];
}

/**
 * Splits `K=V;K=V`. As in the reference a pair has exactly one "=", and an empty pair (a trailing ";") is an error: code 4.
 * What the keys mean is for {@link knownArgs}.
 */
export function parseArgs(text: string): CniArgs {
  if (text === '') return { text, pairs: [] };
  return { text, pairs: text.split(';').map(parsePair) };
}

function parsePair(pair: string): [string, string] {
  const [key, value, ...rest] = pair.split('=');
  if (key === undefined || value === undefined || rest.length > 0) {
    throw new CniError(ErrorCode.invalidEnvironment, `ARGS: invalid pair ${JSON.stringify(pair)}`);
  }
  return [key, value];
}

/**
 * The arguments that a plugin knows, of which the last one of a name counts. Any other is an error, code 4, unless
 * `IgnoreUnknown` is 1 or true. Plugins that take none do not ask, and so refuse none, as in the reference.
 */
export function knownArgs<const K extends string>(args: CniArgs, known: readonly K[]): Partial<Record<K, string>> {
  const ignoreUnknown = boolArg(args, 'IgnoreUnknown');
  const isKnown = (key: string): key is K => (known as readonly string[]).includes(key);
  const unknown = args.pairs.filter(([key]) => key !== 'IgnoreUnknown' && !isKnown(key));
  if (unknown.length > 0 && !ignoreUnknown) {
    const list = quoteList(unknown.map((pair) => pair.join('=')));
    throw new CniError(ErrorCode.invalidEnvironment, `ARGS: unknown args ${list}`);
  }
  return Object.fromEntries(args.pairs.filter(([key]) => isKnown(key))) as Partial<Record<K, string>>;
}

function boolArg(args: CniArgs, name: string): boolean {
  const values = args.pairs.filter(([key]) => key === name).map((pair) => parseBool(pair.join('='), pair[1]));
  return values.at(-1) ?? false;
}

function parseBool(pair: string, value: string): boolean {
  switch (value.toLowerCase()) {
    case '1':
    case 'true':
      return true;
    case '0':
    case 'false':
      return false;
    default:
      throw new CniError(
        ErrorCode.invalidEnvironment,
        `ARGS: error parsing value of pair ${JSON.stringify(pair)}: boolean unmarshal error: invalid input ${value}`,
      );
  }
}
