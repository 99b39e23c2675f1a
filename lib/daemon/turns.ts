/** Begins work in an order of its own. */
export type Turns = (urgent: boolean, begin: () => void) => void;

/**
 * One piece of work is begun in each turn of the event loop, which first takes what has arrived: a launcher waits no longer than
 * `patienceMs` to be claimed, and must not wait behind the work of all who came before. What is urgent goes first.
 */
export function newTurns(): Turns {
  const urgent: (() => void)[] = [];
  const others: (() => void)[] = [];
  const turn = (): void => {
    const begin = urgent.shift() ?? others.shift();
    if (urgent.length + others.length > 0) setImmediate(turn);
    begin?.();
  };
  return (isUrgent, begin) => {
    if (urgent.length + others.length === 0) setImmediate(turn);
    (isUrgent ? urgent : others).push(begin);
  };
}
