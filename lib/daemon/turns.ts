import type { Additions } from './additions';

/** Begins work in an order of its own. */
export type Turns = (urgent: boolean, begin: () => void) => void;

/**
 * One piece of work is begun in each turn of the event loop, which first takes what has arrived: a launcher waits no longer than
 * `patienceMs` to be claimed, and must not wait behind the work of all who came before. What is urgent goes first, and
 * what is not waits until no ADD is at work.
 */
export function newTurns(additions: Additions): Turns {
  const urgent: (() => void)[] = [];
  const others: { begin: () => void; since: number }[] = [];
  let isScheduled = false;
  let isHeld = false;
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
    if (first === undefined) return undefined;
    isHeld = !additions.none(first.since, resume);
    return isHeld ? undefined : others.shift()?.begin;
  };
  const resume = (): void => {
    isHeld = false;
    schedule();
  };
  return (isUrgent, begin) => {
    if (isUrgent && !isScheduled) {
      // The first of this turn; whoever comes meanwhile waits for the next one.
      isScheduled = true;
      setImmediate(turn);
      return begin();
    }
    if (isUrgent) urgent.push(begin);
    else others.push({ begin, since: performance.now() });
    schedule();
  };
}
