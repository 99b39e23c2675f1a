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
  /** Whether `where` has the pod's namespace. */
  hasPod: boolean;
  trace: Trace;
}

/** The answers to named queries. What is asked of a pod whose namespace is not there is answered with "nothing there". */
export async function observe<Q extends Queries>({ kernel, where, hasPod }: Run, queries: Q): Promise<Facts<Q>> {
  const facts: Record<string, unknown> = {};
  const names: string[] = [];
  const asked: Query[] = [];
  for (const [name, query] of Object.entries<Query>(queries)) {
    if (query.ns === 'pod' && !hasPod) facts[name] = nothing(query);
    else {
      names.push(name);
      asked.push(query);
    }
  }
  const answers = asked.length === 0 ? [] : await kernel.observe(where, withTexts(asked));
  for (const [i, name] of names.entries()) facts[name] = answers[i];
  return facts as Facts<Q>;
}

/** Asks until nothing new is asked: what one answer says may be what the next question is about. */
export async function learn<Q extends Queries>(run: Run, ask: (known: Facts<Queries>) => Q): Promise<Facts<Q>> {
  const known: Record<string, unknown> = {};
  for (;;) {
    const news = Object.entries(ask(known as Facts<Queries>)).filter(([name]) => !(name in known));
    if (news.length === 0) return known as Facts<Q>;
    Object.assign(known, await observe(run, Object.fromEntries(news)));
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
export async function applyOrUndo(run: Run, steps: Step[]): Promise<Outcome[]> {
  const { kernel, where, trace } = run;
  if (steps.length === 0) return [];
  const applied = await kernel.apply(where, withTexts(steps), 'stop');
  trace.steps(steps, applied);
  const [fault] = applied.faults;
  if (fault === undefined) return applied.outcomes as Outcome[];
  throw new StepError(fault, await undo(run, steps, applied.outcomes));
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

async function removal({ kernel, where, hasPod, trace }: Run, steps: Step[], undoing: boolean): Promise<KernelFault[]> {
  const possible = steps.filter((step) => step.ns === 'host' || hasPod);
  if (possible.length === 0) return [];
  const applied = await kernel.apply(where, withTexts(possible), 'continue');
  trace.steps(possible, applied, undoing);
  return applied.faults;
}
