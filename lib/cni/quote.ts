/** A list of strings as Go's `%q` prints it, which the reference's messages do: `["0.1.0" "0.2.0"]`. */
export function quoteList(items: readonly string[]): string {
  return `[${items.map((item) => JSON.stringify(item)).join(' ')}]`;
}

const longestQuote = 200;

/** A value found where another was expected, short enough for a message: `"1500" (string)`, `a list`. */
export function found(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  // A number beyond all bounds (1e999) is null in JSON.
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  const shown = text.length > longestQuote ? `${text.slice(0, longestQuote)}…` : text;
  return typeof value === 'string' ? `${shown} (string)` : shown;
}
