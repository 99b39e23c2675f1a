import type { Report } from '../lib/daemon/report';
import { bookkeeping } from '../test/support/leftovers';
import { diff, type Snapshot } from '../test/support/snapshot';
import { ranCold } from './daemon';
import { quantile } from './report';

/** Megabytes. */
const MOST_MEMORY = 100;

/** Megabytes. V8 takes memory for its heap in pieces of a quarter of one. */
const LEAST_NOISE = 0.26;

/** A moment at which there are no pods. */
export interface Point {
  /** How many have come and left. */
  pods: number;
  /** Megabytes of resident memory, each read after a forced collection. */
  memory: number[];
  descriptors: number;
  threads: number;
  state: Snapshot;
}

export interface Finding {
  what: string;
  held: boolean;
}

const middle = ({ memory }: Point): number => quantile(memory, 0.5);

export function table(points: readonly Point[]): string {
  const rows = points.map((point) => {
    const { pods, memory, descriptors, threads, state } = point;
    const range = `${Math.min(...memory).toFixed(1)}–${Math.max(...memory).toFixed(1)}`;
    const counts = [descriptors, threads, state.locks.length, ...kept.map(({ pattern }) => filesOf(state, pattern))];
    return [pods, middle(point).toFixed(1), range, ...counts];
  });
  const head = ['pods', 'RSS MB', 'range', 'descriptors', 'threads', 'locks', ...kept.map(({ what }) => what)];
  const line = (cells: (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---:')), ...rows.map(line)].join('\n');
}

/** Files that there are for each pod. */
const kept = [
  { what: 'records', pattern: /^\/run\/trestle\/attachments\/[^/]+$/ },
  { what: 'leases', pattern: /^\/var\/lib\/cni\/networks\/soak\/[\d.]+$/ },
];

const filesOf = ({ files }: Snapshot, pattern: RegExp): number =>
  Object.keys(files).filter((path) => pattern.test(path)).length;

export function findings(points: readonly Point[], report: Report): Finding[] {
  const [first, last] = [points[0], points[points.length - 1]] as [Point, Point];
  const most = Math.max(...points.flatMap(({ memory }) => memory));
  const [growth, noise] = growthOf(points.slice(-3));
  const left = diff(first.state, last.state).filter((line) => !unrelated.some((pattern) => pattern.test(line)));
  return [
    { what: `at most ${MOST_MEMORY} MB: ${most.toFixed(1)} MB`, held: most <= MOST_MEMORY },
    {
      what: `no growth over the last three points: ${growth.toFixed(2)} MB, where readings vary by ${noise.toFixed(2)} MB`,
      held: growth <= noise,
    },
    noMore('descriptors', first, points.slice(-3)),
    noMore('threads', first, points.slice(-3)),
    {
      what: `no links, addresses, rules, files and locks are left${left.map((line) => `\n      ${line}`).join('')}`,
      held: left.length === 0,
    },
    servedAll(report),
  ];
}

/** What the daemon and the benchmark write for as long as they run, and what belongs to no pod. */
const unrelated = [...bookkeeping, /^files \/run\/(daemon\.log|bench\/[^:]*|trestle\/cold\/[^:]*): /];

/** By how much memory has grown from the first to the last, and by how much it varies at one of them. Megabytes. */
function growthOf(points: readonly Point[]): [number, number] {
  const medians = points.map(middle);
  const ranges = points.map(({ memory }) => Math.max(...memory) - Math.min(...memory));
  return [(medians[medians.length - 1] ?? 0) - (medians[0] ?? 0), Math.max(LEAST_NOISE, ...ranges)];
}

function noMore(what: 'descriptors' | 'threads', first: Point, last: readonly Point[]): Finding {
  const counts = last.map((point) => point[what]);
  return {
    what: `no more ${what} than at first: ${first[what]}, then ${counts.join(', ')}`,
    held: Math.max(...counts) <= first[what],
  };
}

/** On a busy machine a launcher may lose its patience: of a few calls no more is known than that they did no harm. */
function servedAll(report: Report): Finding {
  const cold = ranCold(report);
  return {
    what: `served by the daemon: ${report.claimed} calls, and ${cold} by processes of their own`,
    held: cold <= report.claimed / 100,
  };
}
