import type { Contender } from './cases';

/** Milliseconds of every run of one call: "bridge", trestle, ADD. */
export interface Samples {
  name: string;
  contender: Contender;
  what: string;
  ms: number[];
}

export interface Target {
  what: string;
  /** What was measured, and what it may be at most. */
  value: number;
  limit: number;
  unit: 'ms' | '×';
}

/** The value below which a part of the samples lies (nearest rank); 0.5 is the median. */
export function quantile(ms: readonly number[], part: number): number {
  const sorted = [...ms].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

export function table(all: readonly Samples[]): string {
  const rows = all
    .filter(({ contender }) => contender !== 'reference')
    .map((ours) => {
      const theirs = all.find((one) => one.contender === 'reference' && same(one, ours));
      return [`${ours.name} ${ours.what}`, ...figures(ours), ...figures(theirs), ratio(ours, theirs)];
    });
  const head = ['', 'median ms', 'p90 ms', 'reference median ms', 'p90 ms', 'ratio'];
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(['---', ...head.slice(1).map(() => '---:')]), ...rows.map(line)].join('\n');
}

function same(one: Samples, other: Samples): boolean {
  return one.name === other.name && one.what === other.what;
}

function figures(samples: Samples | undefined): string[] {
  return samples === undefined ? ['', ''] : [0.5, 0.9].map((part) => quantile(samples.ms, part).toFixed(1));
}

function ratio(ours: Samples, theirs: Samples | undefined): string {
  return theirs === undefined ? '' : `${(quantile(ours.ms, 0.5) / quantile(theirs.ms, 0.5)).toFixed(2)}×`;
}

/** The targets that these samples can tell about. */
export function targets(all: readonly Samples[]): Target[] {
  const median = (name: string, contender: Contender, what: string) =>
    quantile(all.find((one) => one.contender === contender && same(one, { ...one, name, what }))?.ms ?? [], 0.5);
  const none = 'host-local, 0 leases';
  const many = 'host-local, 50,000 leases';
  const found: Target[] = [
    {
      what: 'bridge ADD above a bare node -e 0',
      value: median('bridge', 'trestle', 'ADD') - median('node -e 0', 'node', 'start'),
      limit: 12,
      unit: 'ms',
    },
    ...['ADD', 'DEL'].map((what) => ({
      what: `bridge, ipMasq ${what} against the reference`,
      value: median('bridge, ipMasq', 'trestle', what) / median('bridge, ipMasq', 'reference', what),
      limit: 1.3,
      unit: '×' as const,
    })),
    ...['ADD', 'DEL'].map((what) => ({
      what: `host-local ${what} with 50,000 leases against none`,
      value: median(many, 'trestle', what) / median(none, 'trestle', what),
      limit: 1.2,
      unit: '×' as const,
    })),
  ];
  return found.filter(({ value }) => !Number.isNaN(value));
}

export function verdict({ what, value, limit, unit }: Target): string {
  return `${value <= limit ? 'PASS' : 'MISS'}  ${what}: ${value.toFixed(2)} ${unit} (at most ${limit} ${unit})`;
}
