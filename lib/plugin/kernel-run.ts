import type { Answers, KernelFault, Native, Outcome, Query, Step, Where } from '../kernel/contract';
import { withTexts } from '../kernel/ensure-text';
import { KernelError } from '../kernel/errors';
import { rollback } from '../kernel/inverse';
import type { Facts, Queries } from './define';
import type { Trace } from './trace';

/** A kernel that is asked and changed on behalf of one request. */
export interface Run {
  kernel: Native;
  where: Where;
  trace: Trace;
}

/** The answers to named queries. What is asked of a pod whose namespace is gone (`where` has none) is answered with "nothing there". */
export async function observe<Q extends Queries>({ kernel, where }: Run, queries: Q): Promise<Facts<Q>> {
  const all = Object.entries<Query>(queries);
  const asked = all.filter(([, query]) => query.ns === 'host' || where.pod !== undefined);
  const answers = asked.length === 0 ? [] : await kernel.observe(where, withTexts(asked.map(([, query]) => query)));
  const found = new Map(asked.map(([name], i) => [name, answers[i]]));
  return Object.fromEntries(
    all.map(([name, query]) => [name, found.has(name) ? found.get(name) : nothing(query)]),
  ) as Facts<Q>;
}

/** Asks until nothing new is asked: what one answer says may be what the next question is about. */
export async function learn<Q extends Queries>(run: Run, ask: (known: Facts<Queries>) => Q): Promise<Facts<Q>> {
  let known: Facts<Queries> = {};
  for (;;) {
    const news = Object.entries(ask(known)).filter(([name]) => !(name in known));
    if (news.length === 0) return known as Facts<Q>;
    known = { ...known, ...(await observe(run, Object.fromEntries(news))) };
  }
}

const lists: readonly Query['query'][] = [
  'links',
  'addrs',
  'routes',
  'vlans',
  'nft.lookup',
  'nft.tables',
  'iptables.legacy',
];

function nothing({ query }: Query): Answers[keyof Answers] {
  return lists.includes(query) ? [] : null;
}

/** A failed run: the fault that stopped it, and what the undoing could not undo. */
export class StepError extends KernelError {
  constructor(
    fault: KernelFault,
    readonly left: KernelFault[],
  ) {
    super(fault);
  }
}

/** Runs the steps; when one fails, undoes those before it, last first, and throws a {@link StepError}. */
export async function applyOrUndo({ kernel, where, trace }: Run, steps: Step[]): Promise<Outcome[]> {
  if (steps.length === 0) return [];
  const applied = await kernel.apply(where, withTexts(steps), 'stop');
  trace.steps(steps, applied);
  const [fault] = applied.faults;
  if (fault === undefined) return applied.outcomes as Outcome[];
  throw new StepError(fault, await undo({ kernel, where, trace }, steps, applied.outcomes));
}

/** Runs steps on what others share too: a failure stops, and leaves what was done to whoever uses it by now. */
export async function applyShared({ kernel, where, trace }: Run, steps: Step[]): Promise<void> {
  if (steps.length === 0) return;
  const applied = await kernel.apply(where, withTexts(steps), 'stop');
  trace.steps(steps, applied);
  const [fault] = applied.faults;
  if (fault) throw new KernelError(fault);
}

/** Undoes a run as far as it got, because it failed or something after it did. */
export function undo(run: Run, steps: Step[], outcomes: (Outcome | null)[]): Promise<KernelFault[]> {
  return removal(run, rollback(steps, outcomes), true);
}

/** Runs every step whatever becomes of the others and answers with the faults: removal never stops half-way. */
export function remove(run: Run, steps: Step[]): Promise<KernelFault[]> {
  return removal(run, steps, false);
}

async function removal({ kernel, where, trace }: Run, steps: Step[], undoing: boolean): Promise<KernelFault[]> {
  const possible = steps.filter((step) => step.ns === 'host' || where.pod !== undefined);
  if (possible.length === 0) return [];
  const applied = await kernel.apply(where, withTexts(possible), 'continue');
  trace.steps(possible, applied, undoing);
  return applied.faults;
}
