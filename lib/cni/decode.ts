import { CniError, ErrorCode } from './errors';
import { found } from './quote';
import { oldestVersion } from './versions';

/** Bytes. Larger than any sane configuration, small enough that parsing it cannot exhaust the memory. */
const maxSize = 16 * 1024 * 1024;
/** Levels of lists and objects: what walks a configuration does so recursively. */
const maxDepth = 256;

/** Standard input as the object that it must be. Code 6 for anything else. */
export function decodeConfig(stdin: Uint8Array): Record<string, unknown> {
  if (stdin.length > maxSize) {
    throw decodeError(`the configuration has ${stdin.length} bytes, at most ${maxSize} are read`);
  }
  const text = decodeText(stdin);
  const config = parseJson(text);
  assertPlain(text);
  if (config !== null && typeof config === 'object' && !Array.isArray(config)) return config as Record<string, unknown>;
  throw decodeError(`expected an object, found ${found(config)}`);
}

function decodeError(msg: string): CniError {
  return new CniError(ErrorCode.decode, `error unmarshall network config: ${msg}`);
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
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

/** Of valid JSON, refuses too deep a nesting, and strings with NUL, of which kernel and file system would see only the beginning. */
function assertPlain(json: string): void {
  let depth = 0;
  for (let i = 0; i < json.length; i += 1) {
    const char = json[i];
    if (char === '"') i = endOfString(json, i);
    else if (char === '[' || char === '{') depth += 1;
    else if (char === ']' || char === '}') depth -= 1;
    if (depth > maxDepth) throw decodeError(`nested deeper than ${maxDepth} levels`);
  }
}

/** Where the string that begins at `start` has its closing quote. */
function endOfString(json: string, start: number): number {
  let i = start + 1;
  for (; json[i] !== '"'; i += 1) {
    if (json[i] !== '\\') continue;
    i += 1;
    if (json.startsWith('u0000', i)) throw decodeError('a string contains NUL');
  }
  return i;
}

/** The value under a key without regard to case, the last one if there are several; null counts as absent. */
export function lookup(config: Record<string, unknown>, name: string): unknown {
  const wanted = name.toLowerCase();
  const entry = Object.entries(config).findLast(([key, value]) => key.toLowerCase() === wanted && value !== null);
  return entry?.[1];
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
