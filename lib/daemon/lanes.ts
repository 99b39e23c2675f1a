import type { Platform } from '../plugin/platform';
import { type Addition, newAdditions } from './additions';
import { type Lane, lane } from './lane';
import { newLinkRemovals } from './link-removals';
import type { LaunchedRequest } from './request';
import { newSweep, type Sweep } from './sweep';
import { newTurns } from './turns';

/** How many requests are served at once in each lane; the rest wait in the order in which they came. */
const width = 64;

/** How a request behaves towards others. */
export interface Manners {
  /** Does what may wait for others. */
  aside<T>(wait: () => Promise<T>): Promise<T>;
  /** Hands on what the kernel has answered when it is the request's turn to go on. */
  inTurn<T>(answer: Promise<T>): Promise<T>;
}

/** Of one who minds nobody. */
const alone: Manners = { aside: (wait) => wait(), inTurn: (answer) => answer };

export interface Lanes {
  enter<T>(request: Pick<LaunchedRequest, 'type' | 'env'>, work: (manners: Manners) => Promise<T>): Promise<T>;
  /** Somebody has connected. */
  arrived(): void;
  /** A request that was done by a recipe is over. */
  replayed(): void;
  /** For what asks the kernel to remove links. */
  linkRemovals: Lane;
  sweep: Sweep;
  running(): number;
  waiting(): number;
}

/**
 * ADDs have a lane of their own, that none waits behind removals. So have IPAM plugins: who calls one may hold the lock of
 * an attachment for which others, who fill a lane, wait; they would wait for each other otherwise.
 */
export function newLanes({ plugins, kernel }: Pick<Platform, 'plugins' | 'kernel'>): Lanes {
  const lanes = { ipam: lane(width), additions: lane(width), others: lane(width) } as const;
  const all = Object.values(lanes);
  const additions = newAdditions(kernel.replaying);
  const turns = newTurns(additions);
  return {
    enter({ type, env: { CNI_COMMAND: command } }, work) {
      const isAdd = command === 'ADD';
      const own = isAdd ? lanes.additions : lanes.others;
      const turn = () => new Promise<void>((begin) => turns(isAdd, begin));
      return (plugins.get(type)?.kind === 'ipam' ? lanes.ipam : own)(async () => {
        if (isAdd) return asAddition(additions.begin(), turn, work);
        await turn();
        return work({ ...alone, ...(command === 'DEL' && { inTurn: (answer) => answer.finally(turn) }) });
      });
    },
    arrived: additions.arrived,
    replayed: additions.check,
    linkRemovals: newLinkRemovals(kernel, additions),
    sweep: newSweep(),
    running: () => all.reduce((sum, each) => sum + each.running(), kernel.replaying()),
    waiting: () => all.reduce((sum, each) => sum + each.waiting(), 0),
  };
}

async function asAddition<T>(
  { aside, end }: Addition,
  turn: () => Promise<void>,
  work: (manners: Manners) => Promise<T>,
): Promise<T> {
  try {
    await turn();
    return await work({ ...alone, aside });
  } finally {
    end();
  }
}
