/** Milliseconds. So long others make room for ADDs at most, that these cannot keep them waiting for ever. */
const patienceMs = 1_000;

/** The ADDs that are at work, for which others make room: somebody waits for a pod to start; that one ends a little later hurts nobody. */
export interface Additions {
  /** From now on one more is. */
  begin(): Addition;
  /** Somebody has connected, and may be one: is taken for one until the event loop, which lets in one at a time, comes round. */
  arrived(): void;
  /** Those that are at work elsewhere have become less. */
  check(): void;
  /** Calls `proceed` once, when none is any more, or has been for long since `since` (performance.now()). At once, if so: true. */
  none(since: number, proceed: () => void): boolean;
}

/** An ADD at work. */
export interface Addition {
  /** Does what may wait for others: as long as it does, it keeps none of them waiting. */
  aside<T>(wait: () => Promise<T>): Promise<T>;
  end(): void;
}

export function newAdditions(elsewhere: () => number = () => 0): Additions {
  const waiting = new Set<() => void>();
  let atWork = 0;
  const end = () => {
    atWork -= 1;
    check();
  };
  const check = () => {
    if (atWork + elsewhere() > 0) return;
    const all = [...waiting];
    waiting.clear();
    for (const proceed of all) proceed();
  };
  return {
    begin() {
      atWork += 1;
      return {
        end,
        aside(wait) {
          const waited = wait();
          let isOver = false;
          let isAside = false;
          // What is had at once keeps nobody waiting, and lets nobody pass.
          setImmediate(() => {
            isAside = !isOver;
            if (isAside) end();
          });
          return waited.finally(() => {
            isOver = true;
            if (isAside) atWork += 1;
          });
        },
      };
    },
    arrived() {
      atWork += 1;
      setImmediate(end);
    },
    check,
    none(since, proceed) {
      const left = Math.ceil(since + patienceMs - performance.now());
      if (atWork + elsewhere() === 0 || left <= 0) return true;
      const timer = setTimeout(() => {
        if (waiting.delete(once)) proceed();
      }, left);
      const once = () => {
        clearTimeout(timer);
        proceed();
      };
      waiting.add(once);
      return false;
    },
  };
}
