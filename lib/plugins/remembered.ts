/** More than networks of a node have; beyond, all is forgotten, so that nothing grows without end. */
const most = 64;

/** `make`, which is asked once for what has the same key. */
export function remembered<A extends readonly unknown[], T>(
  keyOf: (...args: A) => string,
  make: (...args: A) => T,
): (...args: A) => T {
  const known = new Map<string, T>();
  return (...args) => {
    const key = keyOf(...args);
    const found = known.get(key);
    if (found !== undefined) return found;
    if (known.size === most) known.clear();
    const made = make(...args);
    known.set(key, made);
    return made;
  };
}
