import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { compiled } from '../test/support/compile';
import { enter } from '../test/support/peers';
import type { World } from '../test/support/world';

/** One program run against the clock. */
export interface Timing {
  /** From before its creation until after its end. Milliseconds. */
  ms: number;
  /** Exit status; 128 and the signal's number when one ended it. */
  code: number;
  /** Standard output and standard error together. */
  output: string;
}

export interface Timer {
  time(args: string[], env: Record<string, string>, input: string): Promise<Timing>;
  stop(): void;
}

const INPUT = '/run/bench-input';
const OUTPUT = '/run/bench-output';

/** Starts the timing program in the world's namespaces, so that entering them is not part of any time. */
export async function startTimer(world: World): Promise<Timer> {
  const program = await compiled('timer', [join(__dirname, 'timer.c')]);
  const child = spawn('nsenter', [...enter(world.keeper), program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    time: async (args, env, input) => {
      writeFileSync(world.path(INPUT), input);
      request(child, args, env);
      const answer = await answers.next();
      if (answer.done === true) {
        throw new Error(`the timer ended while running ${args.join(' ')}`);
      }
      return { ...parse(answer.value), output: readFileSync(world.path(OUTPUT), 'utf8') };
    },
    stop: () => child.stdin.end(),
  };
}

function request(child: ChildProcess, args: string[], env: Record<string, string>): void {
  const lines = [
    ...args.map((arg) => `arg ${arg}`),
    ...Object.entries(env).map(([key, value]) => `env ${key}=${value}`),
    `stdin ${INPUT}`,
    `stdout ${OUTPUT}`,
    'run',
  ];
  child.stdin?.write(`${lines.join('\n')}\n`);
}

/** "<nanoseconds> <wait status>": the low seven bits are the signal, the next eight the exit status (wait(2)). */
function parse(line: string): { ms: number; code: number } {
  const [ns = 0, status = 0] = line.split(' ').map(Number);
  const signal = status & 0x7f;
  return { ms: ns / 1e6, code: signal === 0 ? (status >> 8) & 0xff : 128 + signal };
}
