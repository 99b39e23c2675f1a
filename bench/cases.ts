import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installedPlugins } from '../test/support/plugins';
import { crowd, departure, floor, onePod } from './attaching';
import type { Contender, ContenderName } from './contenders';
import { hostLocal, LEASES } from './host-local';
import { mapped } from './mapped';

/** Something that is measured in a round: an ADD and the DEL that follows it, or one start of a program. */
export interface Case {
  /** "bridge" */
  name: string;
  contender: ContenderName;
  /** Only every so many rounds, where one takes seconds. */
  every: number;
  /** Makes what it needs before the first round. */
  prepare?(): Promise<void> | void;
  /** Runs it, checks the state after each call outside the clock, and returns milliseconds by what was timed. */
  measure(round: number): Promise<Record<string, number[]>>;
}

export const allCases = (contenders: readonly Contender[]): Case[] => contenders.flatMap(casesOf);

function casesOf(contender: Contender): Case[] {
  if (contender.name === 'floor') return [floor(contender)];
  return [
    onePod(contender, false),
    onePod(contender, true),
    mapped(contender),
    crowd(contender, false),
    crowd(contender, true),
    ...(contender.name === 'cold' ? [bareNode(contender)] : [departure(contender)]),
    ...LEASES.map((leases) => hostLocal(contender, leases)),
  ];
}

/** The runtime that the installed launcher starts, doing nothing: what no cold ADD can be below. */
export function privateNode(): string {
  const launcher = readFileSync(join(installedPlugins, 'bridge'), 'latin1');
  const [, id] = launcher.match(/trestle-launcher=([\w.+-]+)/) ?? [];
  if (id === undefined) throw new Error(`${installedPlugins}/bridge is not Trestle's`);
  return join(installedPlugins, '.trestle', id, 'node');
}

function bareNode(contender: Contender): Case {
  const program = { args: [privateNode(), '-e', '0'], env: {}, input: '' };
  const measure = async () => ({ start: [(await contender.run([program])).ms] });
  return { name: 'node -e 0', contender: contender.name, every: 1, measure };
}
