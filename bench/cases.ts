import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runtimeFolder } from '../test/support/launched';
import { installedPlugins } from '../test/support/plugins';
import { crowd, departure, floor, onePod } from './attaching';
import type { Contender, ContenderName } from './contenders';
import { hostLocal, LEASES } from './host-local';
import { mapped } from './mapped';

export const BARE_ENGINE = 'the bare engine';

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
    ...(contender.name === 'cold' ? [bareEngine(contender)] : [departure(contender)]),
    ...LEASES.map((leases) => hostLocal(contender, leases)),
  ];
}

/** What the installed launcher starts where no daemon serves the call: Node, or Bun, which is told to forget our program. */
export function privateEngine(): { path: string; env: Record<string, string> } {
  const runtime = runtimeFolder(installedPlugins);
  const bun = join(runtime, 'bun');
  return existsSync(bun) ? { path: bun, env: { BUN_BE_BUN: '1' } } : { path: join(runtime, 'node'), env: {} };
}

/** The engine doing nothing: what no cold ADD can be below. */
function bareEngine(contender: Contender): Case {
  const { path, env } = privateEngine();
  const program = { args: [path, '-e', '0'], env, input: '' };
  const measure = async () => ({ start: [(await contender.run([program])).ms] });
  return { name: BARE_ENGINE, contender: contender.name, every: 1, measure };
}
