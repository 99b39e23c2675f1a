import type { Applied, NftBatch, NftElements, Step } from '../kernel/contract';

type Apply = (steps: Step[]) => Promise<Applied>;

/** Takes elements out of a table: one step, as `apply` would. */
export interface Sweep {
  (step: NftBatch, apply: Apply): Promise<Applied>;
  running(): number;
}

/** Who waits for elements to go. */
interface Waiting {
  remove: NftElements[];
  /** Undefined where nothing can be said for one of them alone. */
  done(applied: Applied | undefined): void;
}

/**
 * Each transaction of nftables that takes elements out waits, before the next, until RCU is through with them: some ten
 * milliseconds. So whoever comes while one is under way goes into the next one together with all others.
 */
export function newSweep(): Sweep {
  const tables = new Map<string, Waiting[]>();

  async function sweep(key: string, { ns, family, table }: NftBatch, waiting: Waiting[], apply: Apply): Promise<void> {
    for (let all = waiting.splice(0); all.length > 0; all = waiting.splice(0)) {
      const remove = all.flatMap((each) => each.remove);
      const applied = await apply([{ op: 'nft.batch', ns, family, table, remove }]).catch(() => undefined);
      // Whose fault it is, each of them finds out alone.
      const told = applied && (applied.faults.length === 0 || all.length === 1) ? applied : undefined;
      for (const { done } of all) done(told);
    }
    tables.delete(key);
  }

  const run = async (step: NftBatch, apply: Apply): Promise<Applied> => {
    const key = `${step.ns} ${step.family} ${step.table}`;
    const applied = await new Promise<Applied | undefined>((done) => {
      const waiting = tables.get(key);
      const one = { remove: step.remove ?? [], done };
      if (waiting) waiting.push(one);
      else {
        const first = [one];
        tables.set(key, first);
        void sweep(key, step, first, apply);
      }
    });
    return applied ?? apply([step]);
  };
  return Object.assign(run, { running: () => tables.size });
}

/** Whether it does nothing but take elements out, of tables that are the same for all requests. */
export const isSweep = (step: Step): step is NftBatch =>
  step.op === 'nft.batch' && step.ns === 'host' && step.remove !== undefined && !step.add && !step.drop && !step.ensure;
