/*
 * Trestle's plugins against the reference's, and against what the kernel needs, interleaved in one run.
 * Usage: run.ts [--only=<regular expression for cases and who is measured, as in "warm bridge, ipMasq">]
 * BENCH_ROUNDS says how often each case is measured. Ends with 1 when a call fails or leaves a wrong state, and after all
 * has been measured when one was cold that should have been warm; a missed target is only printed.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { output, run } from '../test/support/run';
import { allCases, type Case, privateEngine } from './cases';
import { type Contender, closeAll, startContenders } from './contenders';
import { type Samples, table } from './report';
import { targets, verdict } from './targets';

/** One more than is measured: the first makes what is shared (bridge, sets, index) and warms the caches. */
const WARM_UP = 1;

async function measureAll(cases: Case[], rounds: number): Promise<Samples[]> {
  const samples = new Map<string, Samples>();
  for (let round = 0; round < rounds + WARM_UP; round++) {
    for (const one of shuffled(cases.filter(({ every }) => round < WARM_UP || (round - WARM_UP) % every === 0))) {
      const times = await measured(one, round);
      if (round >= WARM_UP) {
        collect(samples, one, times);
      }
    }
    process.stderr.write(process.stderr.isTTY ? `\rround ${round} of ${rounds} ` : '');
  }
  // In the order of the cases, not in that of the first round.
  const all = [...samples.values()];
  return cases.flatMap(({ name, contender }) => all.filter((one) => one.name === name && one.contender === contender));
}

async function measured(one: Case, round: number): Promise<Record<string, number[]>> {
  try {
    return await one.measure(round);
  } catch (error) {
    throw new Error(`${one.name}, ${one.contender}, round ${round}: ${(error as Error).message}`, { cause: error });
  }
}

function collect(samples: Map<string, Samples>, { name, contender }: Case, times: Record<string, number[]>): void {
  for (const [what, ms] of Object.entries(times)) {
    const key = `${name} ${contender} ${what}`;
    const known = samples.get(key) ?? { name, contender, what, ms: [] };
    known.ms.push(...ms);
    samples.set(key, known);
  }
}

/** A new order in every round, so that no case always follows the same one (a deleted link is torn down for a while after). */
function shuffled<T>(items: T[]): T[] {
  return items
    .map((item) => ({ item, rank: Math.random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

/** Under what the figures were taken. */
async function circumstances(rounds: number): Promise<Record<string, string>> {
  const reference = await run('dpkg-query', ['--show', 'containernetworking-plugins']);
  const { path, env } = privateEngine();
  return {
    date: new Date().toISOString().slice(0, 10),
    kernel: release(),
    cpu: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    engine: `${basename(path)} ${(await output(path, ['--version'], { env })).trim()}`,
    reference: reference.stdout.trim().split('\t')[1] ?? 'of unknown version',
    rounds: String(rounds),
    // Of the minute before: above 0.5 or so, the figures say more about the other load than about the plugins.
    load: (loadavg()[0] ?? 0).toFixed(1),
  };
}

async function benchmark(contenders: Contender[], only: string, rounds: number): Promise<Samples[]> {
  const cases = allCases(contenders).filter(({ contender, name }) =>
    new RegExp(only, 'i').test(`${contender} ${name}`),
  );
  if (cases.length === 0) throw new Error(`no case matches "${only}"`);
  for (const one of cases) await one.prepare?.();
  return await measureAll(cases, rounds);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
  const rounds = Number(process.env.BENCH_ROUNDS ?? 60);
  const conditions = await circumstances(rounds);
  const contenders = await startContenders();
  const samples = await benchmark(contenders, values.only, rounds).finally(() => closeAll(contenders));
  const reached = targets(samples);

  const title = Object.entries(conditions).map(([key, value]) => `${key} ${value}`);
  console.log(`\n${title.join(', ')}\n\n${table(samples)}\n\n${reached.map(verdict).join('\n')}`);
  for (const fault of contenders.flatMap(({ faults }) => faults)) {
    console.log(`WRONG ${fault}`);
    process.exitCode = 1;
  }
  mkdirSync(resolve(__dirname, '../build'), { recursive: true });
  const file = resolve(__dirname, '../build/bench.json');
  writeFileSync(file, `${JSON.stringify({ conditions, targets: reached, samples }, null, 1)}\n`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
