/** The word that a mistyped one probably is: at most two letters differ, and less than a third of them. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const far = Math.min(2, Math.floor((word.length - 1) / 3));
  const [best] = words
    .filter((one) => Math.abs(one.length - word.length) <= far)
    .map((one) => ({ one, distance: distance(word.toLowerCase(), one.toLowerCase()) }))
    .filter(({ distance: found }) => found <= far)
    .sort((a, b) => a.distance - b.distance);
  return best?.one;
}

/** How many letters have to be put in, left out, replaced or swapped with their neighbour (optimal string alignment). */
export function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) row.push(cell(a, b, i, j, rows, row));
    rows.push(row);
  }
  return rows.at(-1)?.at(-1) ?? 0;
}

function cell(a: string, b: string, i: number, j: number, rows: readonly number[][], row: readonly number[]): number {
  const above = rows[i - 1] ?? [];
  const replaced = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
  const least = Math.min(replaced, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
  const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
  return swapped ? Math.min(least, (rows[i - 2]?.[j - 2] ?? 0) + 1) : least;
}
