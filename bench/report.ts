/** Milliseconds of every run of one call: "bridge", warm, ADD. */
export interface Samples {
  name: string;
  contender: string;
  what: string;
  ms: number[];
}

/** The value below which a part of the samples lies (nearest rank); 0.5 is the median. */
export function quantile(ms: readonly number[], part: number): number {
  const sorted = [...ms].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

/** A row for each call, with a column for each contender; those of the reference come first. */
export function table(all: readonly Samples[]): string {
  const contenders = distinct(['reference', ...all.map(({ contender }) => contender)]);
  const rows = distinct(all.map(callOf)).map((call) => {
    const of = (contender: string) => all.find((one) => one.contender === contender && callOf(one) === call);
    return [call, ...contenders.map((contender) => cell(of(contender), of('reference')))];
  });
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const head = ['median / p90 in ms (median against the reference)', ...contenders];
  return [line(head), line(['---', ...contenders.map(() => '---:')]), ...rows.map(line)].join('\n');
}

const distinct = (texts: string[]): string[] => [...new Set(texts)];

const callOf = ({ name, what }: Samples): string => `${name} ${what}`;

/** "1.9 / 2.4 (0.19×)" */
function cell(samples: Samples | undefined, reference: Samples | undefined): string {
  if (samples === undefined) return '';
  const [median, p90] = [0.5, 0.9].map((part) => quantile(samples.ms, part));
  const figures = [median, p90].map((ms) => ms?.toFixed(1)).join(' / ');
  if (median === undefined || reference === undefined || reference === samples) return figures;
  return `${figures} (${(median / quantile(reference.ms, 0.5)).toFixed(2)}×)`;
}
