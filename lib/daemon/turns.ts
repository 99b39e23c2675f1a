import type { Additions } from './additions';

/** Begins work in an order of its own. */
export interface Turns {
  take(urgent: boolean, begin: () => void): void;
  /** Somebody has connected. */
  arrived(): void;
}

/**
 * One piece of work is begun in each turn of the event loop, which first takes what has arrived: a launcher waits no longer than
 * `patienceMs` to be claimed, and must not wait behind the work of all who came before. What is urgent goes first. What is
 * not waits until no ADD is at work, and while others arrive, since one of them may be an ADD: the loop lets in one at a time.
 */
export function newTurns(additions: Additions): Turns {
  const urgent: (() => void)[] = [];
  const others: { begin: () => void; since: number }[] = [];
  let isScheduled = false;
  let isHeld = false;
  let quiet = true;
  const schedule = (): void => {
    if (isScheduled || (urgent.length === 0 && (others.length === 0 || isHeld))) return;
    isScheduled = true;
    setImmediate(turn);
  };
  const turn = (): void => {
    isScheduled = false;
    const begin = urgent.shift() ?? nextOther();
    schedule();
    begin?.();
  };
  const nextOther = (): (() => void) | undefined => {
    const [first] = others;
    const wasQuiet = quiet;
    quiet = true;
    if (first === undefined || !wasQuiet) return undefined;
    isHeld = !additions.none(first.since, resume);
    return isHeld ? undefined : others.shift()?.begin;
  };
  const resume = (): void => {
    isHeld = false;
    schedule();
  };
  return {
    take(isUrgent, begin) {
      if (isUrgent) urgent.push(begin);
      else others.push({ begin, since: performance.now() });
      schedule();
    },
    arrived() {
      quiet = false;
    },
  };
}
