import { CniError, ErrorCode } from './errors';
import { found } from './quote';
import { oldestVersion } from './versions';

/** Bytes. Larger than any sane configuration, small enough that parsing it cannot exhaust the memory. */
export const maxSize = 16 * 1024 * 1024;
/** Levels of lists and objects: what walks a configuration does so recursively. */
const maxDepth = 256;

/** Standard input as the object that it must be. Code 6 for anything else. */
export function decodeConfig(stdin: Uint8Array): Record<string, unknown> {
  if (stdin.length > maxSize) {
    throw decodeError(`the configuration has more than ${maxSize} bytes`);
  }
  const text = decodeText(stdin);
  // Before it is parsed: what is nested millions deep takes the parser half a minute.
  if (!isPlain(text)) assertPlain(stdin);
  const config = parseJson(text);
  if (config !== null && typeof config === 'object' && !Array.isArray(config)) return config as Record<string, unknown>;
  throw decodeError(`expected an object, found ${found(config)}`);
}

function decodeError(msg: string): CniError {
  return new CniError(ErrorCode.decode, `error unmarshall network config: ${msg}`);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw decodeError('not valid UTF-8');
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw decodeError((error as SyntaxError).message);
  }
}

const [quote, backslash] = [0x22, 0x5c];
const opening: readonly number[] = [0x5b, 0x7b];
const closing: readonly number[] = [0x5d, 0x7d];
const escapedNul = Buffer.from('u0000');

/** Whether {@link assertPlain} has nothing to find, as with nearly every configuration; by searches that cost next to nothing. */
const isPlain = (json: string): boolean =>
  !json.includes('\\u0000') && json.split(/[[{]/, maxDepth + 2).length <= maxDepth + 1;

/** Refuses too deep a nesting, and strings with NUL, of which kernel and file system would see only the beginning. */
function assertPlain(json: Uint8Array): void {
  let depth = 0;
  for (let i = 0; i < json.length; i += 1) {
    const byte = json[i] as number;
    if (byte === quote) i = endOfString(json, i);
    else if (opening.includes(byte)) depth += 1;
    else if (closing.includes(byte)) depth -= 1;
    if (depth > maxDepth) throw decodeError(`nested deeper than ${maxDepth} levels`);
  }
}

/** Where the string that begins at `start` has its closing quote, or the text its end. */
function endOfString(json: Uint8Array, start: number): number {
  let i = start + 1;
  for (; i < json.length && json[i] !== quote; i += 1) {
    if (json[i] !== backslash) continue;
    i += 1;
    if (escapedNul.every((byte, k) => json[i + k] === byte)) throw decodeError('a string contains NUL');
  }
  return i;
}

/** The value under a key without regard to case, the last one if there are several; null counts as absent. */
export function lookup(config: Record<string, unknown>, name: string): unknown {
  const wanted = name.toLowerCase();
  const key = Object.keys(config).findLast((one) => one.toLowerCase() === wanted && config[one] !== null);
  return key === undefined ? undefined : config[key];
}

/** A key that must hold a string; "" when it is absent. Code 6, as for any value that Go could not decode. */
export function lookupString(config: Record<string, unknown>, name: string): string {
  const value = lookup(config, name) ?? '';
  if (typeof value === 'string') return value;
  throw decodeError(`"${name}": expected a string, found ${found(value)}`);
}

/** The version of a configuration; 0.1.0 for one that names none. */
export function configVersion(config: Record<string, unknown>): string {
  return lookupString(config, 'cniVersion') || oldestVersion;
}
