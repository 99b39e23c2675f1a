/** Work that nobody waits for. */
export interface Afterwards {
  /** Does it in a little while. */
  push(work: () => void): void;
  /** Does now what is still to be done. */
  catchUp(): void;
}

/** Milliseconds: by then a launcher that was answered has ended, which needs the processor, too. */
const aWhileMs = 5;

export function newAfterwards(): Afterwards {
  let waiting: (() => void)[] = [];
  let timer: NodeJS.Timeout | undefined;
  const catchUp = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const due = waiting;
    waiting = [];
    for (const work of due) work();
  };
  return {
    push(work) {
      waiting.push(work);
      timer ??= setTimeout(catchUp, aWhileMs);
    },
    catchUp,
  };
}
