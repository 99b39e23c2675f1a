import fc from 'fast-check';
import * as v from 'valibot';
import { foldKeys } from '../../lib/cni/config';

/** What of a valibot schema tells which values it takes. */
export interface Shape {
  type: string;
  entries?: Record<string, Shape>;
  item?: Shape;
  value?: Shape;
  wrapped?: Shape;
  options?: readonly Shape[];
}

/** Texts that fields are about; of these a schema takes those that its rules let pass. */
const texts = [
  '10.9.0.0/24',
  'fd00:9::/64',
  '10.9.0.7/24',
  'fd00:9::7/64',
  '0.0.0.0/0',
  '::/0',
  '10.9.0.1',
  'fd00:9::1',
  '02:00:00:00:00:07',
  'fz0',
  '/run/fuzz/data',
  'host-local',
  'nft',
  'x',
  '',
];
const numbers = [0, 1, 2, 100, 68, 1280, 1400, 1500, 4094, 65535, 254];

const takes = (shape: Shape, value: unknown): boolean => {
  try {
    const schema = shape as unknown as v.GenericSchema;
    return v.safeParse(schema, foldKeys(schema, value)).success;
  } catch {
    // A list where the schema has an object.
    return false;
  }
};

/** Values that the schema takes: what its type and its own rules leave of the texts and numbers above. */
export function validValue(shape: Shape): fc.Arbitrary<unknown> {
  if (shape.wrapped) return validValue(shape.wrapped);
  if (shape.options) return fc.oneof(...shape.options.filter(isShape).map(validValue));
  if (shape.entries) return validObject(shape.entries);
  if (shape.item) return fc.array(validValue(shape.item), { maxLength: 2 });
  const simple = [...texts, ...numbers, true, false].filter((value) => takes(shape, value));
  return simple.length > 0 ? fc.constantFrom<unknown>(...simple) : fc.jsonValue({ maxDepth: 2 });
}

function validObject(entries: Record<string, Shape>): fc.Arbitrary<unknown> {
  const requiredKeys = Object.keys(entries).filter((key) => !isOptional(entries[key]));
  const values = Object.fromEntries(Object.entries(entries).map(([key, shape]) => [key, validValue(shape)]));
  return fc.record(values, { requiredKeys });
}

const isShape = (option: unknown): option is Shape => typeof option === 'object' && option !== null;
const isOptional = (shape: Shape | undefined): boolean => /optional|nullish/.test(shape?.type ?? '');

/** A field of a configuration: where it is (0 is a list's first element), and what of the values below it does not take. */
export interface Field {
  path: readonly (string | number)[];
  wrong: readonly unknown[];
}

/** One of every type that JSON has, and those that are nearly right. null is left out: it counts as absent. */
const anyType: readonly unknown[] = [
  true,
  0,
  -1,
  1.5,
  2 ** 60,
  Number.POSITIVE_INFINITY,
  '',
  'x',
  '1500',
  'x'.repeat(300),
  '\ud800',
  [],
  [[]],
  ['x'],
  {},
  { a: 1 },
];

/** Every field that a schema knows, at every level. One that takes anything has no wrong values. */
export function fieldsOf(shape: Shape, path: Field['path'] = []): Field[] {
  const own = { path, wrong: anyType.filter((value) => !takes(shape, value)) };
  return [...(path.length > 0 && own.wrong.length > 0 ? [own] : []), ...innerFields(shape, path)];
}

function innerFields(shape: Shape, path: Field['path']): Field[] {
  if (shape.wrapped) return innerFields(shape.wrapped, path);
  if (shape.item) return fieldsOf(shape.item, [...path, 0]);
  return Object.entries(shape.entries ?? {}).flatMap(([key, inner]) => fieldsOf(inner, [...path, key]));
}

/** A configuration with `value` at a path, and of everything else only what must be there. */
export function spoilt(shape: Shape, [key, ...rest]: Field['path'], value: unknown): unknown {
  if (key === undefined) return value;
  if (shape.wrapped) return spoilt(shape.wrapped, [key, ...rest], value);
  if (typeof key === 'number') return [spoilt(shape.item as Shape, rest, value)];
  return { ...(least(shape) as object), [key]: spoilt(shape.entries?.[key] as Shape, rest, value) };
}

/** The least that the schema takes. */
function least(shape: Shape): unknown {
  const required = Object.entries(shape.entries ?? {}).filter(([, inner]) => !isOptional(inner));
  if (shape.entries) return Object.fromEntries(required.map(([key, inner]) => [key, least(inner)]));
  return [[], ...texts, ...numbers, true].find((value) => takes(shape, value));
}

/** JSON with what `JSON.stringify` turns into null: numbers beyond all bounds. */
export function toJson(value: unknown): string {
  const mark = '"\u2063infinity"';
  const text = JSON.stringify(value, (_key, inner) => (inner === Number.POSITIVE_INFINITY ? '\u2063infinity' : inner));
  return text.replaceAll(mark, '1e999');
}
