/** Keys and indexes, from the outermost on. */
export type Path = readonly (string | number)[];

/** The value at the end of a path, keys without regard to case; undefined where it leads nowhere. */
export function valueAt(root: unknown, path: Path): unknown {
  return path.reduce((value, key) => member(value, key)?.[1], root);
}

/** The path with its keys as they are spelled in the document, as far as they are there. */
export function spelled(root: unknown, path: Path): Path {
  let value = root;
  return path.map((key) => {
    const found = member(value, key);
    value = found?.[1];
    return found?.[0] ?? key;
  });
}

/** Of keys that differ in case alone the last one counts, as for Go. */
function member(value: unknown, key: string | number): readonly [string | number, unknown] | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  if (Array.isArray(value)) return typeof key === 'number' ? [key, value[key]] : undefined;
  const wanted = String(key).toLowerCase();
  const name = Object.keys(value).findLast((one) => one.length === wanted.length && one.toLowerCase() === wanted);
  return name === undefined ? undefined : [name, (value as Record<string, unknown>)[name]];
}

/** Elements of a list with their indexes; none of anything else. */
export function elements(value: unknown): [number, unknown][] {
  return Array.isArray(value) ? [...value.entries()] : [];
}
