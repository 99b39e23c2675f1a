/** Stands for the built-in module `name`, which is loaded when something of it is first asked for. */
export function lazy(name: string): unknown {
  return new Proxy({}, { get: (_, key) => (require(name) as Record<PropertyKey, unknown>)[key] });
}
