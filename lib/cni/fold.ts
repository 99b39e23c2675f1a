import type { GenericSchema } from 'valibot';
import { CniError, ErrorCode } from './errors';
import { found } from './quote';

/** What of a valibot schema tells which keys it knows. */
interface Shape {
  type: string;
  entries?: Record<string, Shape>;
  rest?: Shape;
  item?: Shape;
  items?: readonly Shape[];
  value?: Shape;
  wrapped?: Shape;
  options?: readonly Shape[];
}

/**
 * Gives the keys that the schema knows the schema's spelling, at every level, as Go's decoder matches them: without
 * regard to case, the last one wins. A null counts as absent. Keys that the schema does not know stay as they are.
 * Throws code 7 for a list where the schema has an object, which valibot would let pass.
 */
export function foldKeys(schema: GenericSchema, value: unknown): unknown {
  return fold(schema as unknown as Shape, value, []);
}

/** A key that a schema does not know: where it stands, and which ones the schema knows there. */
export interface UnknownKey {
  path: readonly (string | number)[];
  known: readonly string[];
}

/** The keys that the schema does not know: for hints, since they are allowed. Paths have the schema's spelling. */
export function unknownKeys(schema: GenericSchema, value: unknown): UnknownKey[] {
  const shape = schema as unknown as Shape;
  return unknown(shape, fold(shape, value, []), []);
}

/** A path as it is written in JavaScript: `ipam.ranges[0][1].subnet`. */
export function pathText(path: readonly (string | number)[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`))
    .join('')
    .replace(/^\./, '');
}

type Path = readonly (string | number)[];

function fold(shape: Shape, value: unknown, path: Path): unknown {
  if (shape.wrapped) return fold(shape.wrapped, value, path);
  if (shape.options)
    return optionsFor(shape.options, value).reduce((folded, option) => fold(option, folded, path), value);
  if (Array.isArray(value)) return foldList(shape, value, path);
  if (value === null || typeof value !== 'object') return value;
  if (shape.entries) return foldObject(shape.entries, shape.rest, value, path);
  return shape.type === 'record' ? foldObject({}, shape.value, value, path) : value;
}

/** Those options of a union that are for such a value: lists for a list, objects for an object. */
function optionsFor(options: readonly Shape[], value: unknown): Shape[] {
  return options.filter((option) => {
    // The options of a picklist are plain values.
    if (typeof option !== 'object' || option === null) return false;
    if (option.wrapped || option.options || option.type === 'unknown' || option.type === 'any') return true;
    return Array.isArray(value)
      ? Boolean(option.item ?? option.items)
      : Boolean(option.entries) || option.type === 'record';
  });
}

function foldList(shape: Shape, value: readonly unknown[], path: Path): unknown[] {
  if (shape.entries || shape.type === 'record') {
    const where = path.length > 0 ? `"${pathText(path)}": ` : '';
    throw new CniError(
      ErrorCode.invalidConfig,
      `invalid configuration: ${where}expected an object, found ${found(value)}`,
    );
  }
  return value.map((element, i) => {
    const inner = shape.items?.[i] ?? shape.item;
    return inner ? fold(inner, element, [...path, i]) : element;
  });
}

function foldObject(entries: Record<string, Shape>, rest: Shape | undefined, value: object, path: Path): object {
  const spelling = new Map(Object.keys(entries).map((key) => [key.toLowerCase(), key]));
  const folded = new Map<string, unknown>();
  for (const [key, inner] of Object.entries(value)) {
    const name = spelling.get(key.toLowerCase()) ?? key;
    const shape = spelling.has(key.toLowerCase()) ? entries[name] : rest;
    if (inner === null) folded.delete(name);
    else folded.set(name, shape ? fold(shape, inner, [...path, name]) : inner);
  }
  // Not by assignment: a key may be "__proto__".
  return Object.fromEntries(folded);
}

function unknown(shape: Shape, value: unknown, path: Path): UnknownKey[] {
  if (shape.wrapped) return unknown(shape.wrapped, value, path);
  if (shape.options) return unknownToAll(optionsFor(shape.options, value), value, path);
  if (Array.isArray(value))
    return value.flatMap((element, i) => unknownIn(shape.items?.[i] ?? shape.item, element, [...path, i]));
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const known = shape.entries && Object.hasOwn(shape.entries, key) ? shape.entries[key] : undefined;
    if (shape.type === 'object' && known === undefined) {
      return [{ path: [...path, key], known: Object.keys(shape.entries ?? {}) }];
    }
    return unknownIn(known ?? shape.rest ?? shape.value, inner, [...path, key]);
  });
}

function unknownIn(shape: Shape | undefined, value: unknown, path: Path): UnknownKey[] {
  return shape ? unknown(shape, value, path) : [];
}

/** A key is unknown to a union when none of its options knows it. */
function unknownToAll(options: readonly Shape[], value: unknown, path: Path): UnknownKey[] {
  const [first = [], ...others] = options.map((option) => unknown(option, value, path));
  const isIn = (list: readonly UnknownKey[], wanted: UnknownKey): boolean =>
    list.some((key) => pathText(key.path) === pathText(wanted.path));
  return first.filter((key) => others.every((list) => isIn(list, key)));
}
