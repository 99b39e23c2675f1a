/** Work of which so much is done at once, and the rest in the order in which it came. */
export interface Lane {
  <T>(work: () => Promise<T>): Promise<T>;
  running(): number;
  waiting(): number;
}

export function lane(width: number): Lane {
  const queue: (() => void)[] = [];
  let running = 0;
  const enter = (): Promise<void> | undefined => {
    if (running === width) return new Promise((resolve) => queue.push(resolve));
    running += 1;
    return undefined;
  };
  // Whoever is next takes over the place of the one who leaves, so that nobody can slip in between.
  const leave = (): void => {
    const next = queue.shift();
    if (next) next();
    else running -= 1;
  };
  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    await enter();
    try {
      return await work();
    } finally {
      leave();
    }
  };
  return Object.assign(run, { running: () => running, waiting: () => queue.length });
}
