import fc from 'fast-check';

/** What may be in one field of the addon's contract: values that it takes, and which of all others it takes, too. */
export interface Kind {
  valid: fc.Arbitrary<unknown>;
  takes(value: unknown): boolean;
  optional?: boolean;
  /** Of an object, or of the elements of a list. */
  fields?: Fields;
  isList?: boolean;
}

export type Fields = Readonly<Record<string, Kind>>;

export const isText = (value: unknown, longest: number): value is string =>
  typeof value === 'string' && !value.includes('\0') && Buffer.byteLength(value) <= longest;

export const isInteger = (value: unknown, min: number, max: number): boolean =>
  Number.isInteger(value) && (value as number) >= min && (value as number) <= max;

/** Of a proxy that is revoked not even this can be asked. */
export function isEmptyList(value: unknown): boolean {
  try {
    return Array.isArray(value) && value.length === 0;
  } catch {
    return false;
  }
}

export const optional = (kind: Kind): Kind => ({ ...kind, optional: true });

export const text = (longest: number, ...examples: string[]): Kind => ({
  valid: fc.constantFrom(...examples),
  takes: (value) => isText(value, longest),
});

/** A text with rules of its own: of what tests try, only the examples keep to them. */
export const strict = (...examples: string[]): Kind => ({
  valid: fc.constantFrom(...examples),
  takes: (value) => examples.includes(value as string),
});

export const integer = (min: number, max: number, ...examples: number[]): Kind => ({
  valid: fc.constantFrom(...examples),
  takes: (value) => isInteger(value, min, max),
});

export const flag: Kind = { valid: fc.boolean(), takes: (value) => typeof value === 'boolean' };

export const object = (fields: Fields): Kind => ({ valid: validObject(fields), takes: () => false, fields });

export const list = (fields: Fields): Kind => ({
  valid: fc.array(validObject(fields), { maxLength: 3 }),
  takes: (value) => isEmptyList(value),
  fields,
  isList: true,
});

export const texts = (...examples: string[]): Kind => ({
  valid: fc.uniqueArray(fc.constantFrom(...examples), { maxLength: 3 }),
  takes: (value) => isEmptyList(value),
});

/** An object that has what the contract asks for, and of the rest some. */
export function validObject(fields: Fields): fc.Arbitrary<Record<string, unknown>> {
  const values = Object.fromEntries(Object.entries(fields).map(([name, { valid }]) => [name, valid]));
  return fc.record(values, { requiredKeys: Object.keys(fields).filter((name) => !fields[name]?.optional) });
}

/** A wrong place in a value: the path as complaints write it, and how to put something there. */
export interface Spot {
  path: string;
  kind: Kind;
  put(value: unknown): void;
  remove(): void;
}

/** Every field of an object of these fields, those of inner objects too. The object is changed by `put`. */
export function spotsOf(value: Record<string, unknown>, fields: Fields, path: string): Spot[] {
  return Object.entries(fields).flatMap(([name, kind]): Spot[] => {
    const inner = value[name];
    const own: Spot = {
      path: path === '' ? name : `${path}.${name}`,
      kind,
      put: (stranger) => {
        value[name] = stranger;
      },
      remove: () => {
        delete value[name];
      },
    };
    if (kind.fields === undefined || inner === undefined) return [own];
    const objects = (kind.isList ? inner : [inner]) as Record<string, unknown>[];
    const below = objects.flatMap((each, i) =>
      spotsOf(each, kind.fields ?? {}, `${own.path}${kind.isList ? `[${i}]` : ''}`),
    );
    return [own, ...below];
  });
}
