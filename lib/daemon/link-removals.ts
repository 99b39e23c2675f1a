import type { Native } from '../kernel/contract';
import type { Additions } from './additions';
import type { Lane } from './lane';

/** How many are in the kernel at once: most of a removal is waiting, for RCU, so that many take little longer than one. */
const width = 40;

/** How long a removal may hold the lock of all links, as far as we wait for the news that it lets go. Milliseconds. */
const lockMs = 3;

/**
 * A lane for what removes links. Each first holds the lock of all links (RTNL) for some milliseconds, and whoever adds one
 * waits behind all who have asked for it before. So the next is begun when the last has let go of that lock, and none while
 * an ADD is at work.
 */
export function newLinkRemovals(kernel: Pick<Native, 'linkGone'>, additions: Additions): Lane {
  const queue: { begin: () => void; since: number }[] = [];
  let running = 0;
  let begun = Number.NEGATIVE_INFINITY;
  let isWaiting = false;

  const proceed = (): void => {
    const [next] = queue;
    if (next === undefined || running === width || isWaiting) return;
    isWaiting = !additions.none(next.since, resume);
    if (isWaiting) return;
    const held = Math.ceil(begun + lockMs - performance.now());
    if (held <= 0) {
      begin();
      return;
    }
    isWaiting = true;
    // If the kernel cannot tell, the next one waits behind the last: that is slower for others, and no fault.
    void kernel.linkGone(held).then(letGo, letGo);
  };
  const resume = (): void => {
    isWaiting = false;
    proceed();
  };
  const letGo = (): void => {
    begun = Number.NEGATIVE_INFINITY;
    resume();
  };
  const begin = (): void => {
    running += 1;
    begun = performance.now();
    queue.shift()?.begin();
    proceed();
  };
  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    await new Promise<void>((begin) => {
      queue.push({ begin, since: performance.now() });
      proceed();
    });
    try {
      return await work();
    } finally {
      running -= 1;
      proceed();
    }
  };
  return Object.assign(run, { running: () => running, waiting: () => queue.length });
}
