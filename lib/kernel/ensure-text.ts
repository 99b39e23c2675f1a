import type { NftEnsure, Query, Step } from './contract';

const texts = new WeakMap<NftEnsure, string>();

/** The JSON text of a table's description, which plugins make once for many pods. */
export function ensureText(ensure: NftEnsure): string {
  const known = texts.get(ensure);
  if (known !== undefined) return known;
  const text = JSON.stringify(ensure);
  texts.set(ensure, text);
  return text;
}

/** Queries or steps with such descriptions as texts: the addon knows those again, and need not read thousands of values. */
export function withTexts<T extends Query | Step>(items: readonly T[]): T[] {
  return items.map((item) =>
    'ensure' in item && item.ensure !== undefined ? { ...item, ensure: ensureText(item.ensure) } : item,
  ) as T[];
}
