import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { compiled } from '../test/support/compile';
import { enter } from '../test/support/peers';
import type { World } from '../test/support/world';

export interface Program {
  /** Its path first. */
  args: string[];
  /** The whole environment. */
  env: Record<string, string>;
  /** Standard input. */
  input: string;
}

/** One program run against the clock. */
export interface Timing {
  /** From before its creation until after its end. Milliseconds. */
  ms: number;
  /** Exit status; 128 and the signal's number when one ended it. */
  code: number;
  /** Standard output and standard error together. */
  output: string;
}

export interface Timings {
  /** From before the creation of the first until after the end of the last of those that were started at once. */
  ms: number;
  together: Timing[];
  /** Those that were started: maybe not all. */
  beside: Timing[];
}

export interface Timer {
  /** Runs programs at once; and while one of them runs, others one after another for as long as they last. */
  run(together: Program[], beside?: Program[]): Promise<Timings>;
  stop(): void;
}

const folder = '/run/bench';

/** Starts the timing program in the world's namespaces, so that entering them is not part of any time. */
export async function startTimer(world: World): Promise<Timer> {
  const program = await compiled('timer', [join(__dirname, 'timer.c')]);
  mkdirSync(world.path(folder), { recursive: true });
  const child = spawn('nsenter', [...enter(world.keeper), program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (index: number): Promise<Run | undefined> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the timer has ended');
    return value === '-' ? undefined : parse(value, readFileSync(world.path(outputOf(index)), 'utf8'));
  };
  return {
    run: async (together, beside = []) => {
      const programs = [...together, ...beside];
      for (const [index, { input }] of programs.entries()) writeFileSync(world.path(inputOf(index)), input);
      child.stdin.write(`${programs.map(description).join('')}run ${together.length}\n`);
      const runs: (Run | undefined)[] = [];
      for (const index of programs.keys()) runs.push(await answer(index));
      const atOnce = started(runs.slice(0, together.length));
      const ms = Math.max(...atOnce.map(({ ended }) => ended));
      return { ms, together: atOnce, beside: started(runs.slice(together.length)) };
    },
    stop: () => child.stdin.end(),
  };
}

/** Its input and output have files of their own, told apart by its place in the request. */
const inputOf = (index: number): string => join(folder, `${index}.in`);
const outputOf = (index: number): string => join(folder, `${index}.out`);

function description({ args, env }: Program, index: number): string {
  const lines = [
    ...args.map((arg) => `arg ${arg}`),
    ...Object.entries(env).map(([key, value]) => `env ${key}=${value}`),
    `stdin ${inputOf(index)}`,
    `stdout ${outputOf(index)}`,
    'next',
  ];
  return `${lines.join('\n')}\n`;
}

interface Run extends Timing {
  /** Since the first was started. Milliseconds. */
  ended: number;
}

const started = (runs: readonly (Run | undefined)[]): Run[] => runs.flatMap((run) => run ?? []);

/** "<began> <ended> <wait status>": the status' low seven bits are the signal, the next eight the exit status (wait(2)). */
function parse(line: string, output: string): Run {
  const [began = 0, ended = 0, status = 0] = line.split(' ').map(Number);
  const signal = status & 0x7f;
  const code = signal === 0 ? (status >> 8) & 0xff : 128 + signal;
  return { ms: (ended - began) / 1e6, ended: ended / 1e6, code, output };
}
