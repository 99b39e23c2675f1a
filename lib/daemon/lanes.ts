import type { Platform } from '../plugin/platform';
import { type Lane, lane } from './lane';
import type { LaunchedRequest } from './request';
import { newTurns } from './turns';

/** How many requests are served at once in each lane; the rest wait in the order in which they came. */
const width = 64;

/**
 * How many removals the kernel is asked for at once. Most of a veth's removal is waiting, so that many take little longer than one; but
 * each takes the lock of all links for a while, and whoever adds one waits behind all that have asked before.
 */
const removalsAtOnce = 40;

export interface Lanes {
  enter<T>(request: Pick<LaunchedRequest, 'type' | 'env'>, work: () => Promise<T>): Promise<T>;
  /** For what a removal asks of the kernel. */
  removal: Lane;
  running(): number;
  waiting(): number;
}

/**
 * IPAM plugins have a lane of their own. Who calls one may hold the lock of an attachment for which others, who fill the
 * first lane, wait; they would wait for each other otherwise.
 */
export function newLanes({ plugins }: Pick<Platform, 'plugins'>): Lanes {
  const lanes: Readonly<Record<'interface' | 'ipam', Lane>> = { interface: lane(width), ipam: lane(width) };
  const turns = newTurns();
  return {
    enter: ({ type, env }, work) =>
      lanes[plugins.get(type)?.kind ?? 'interface'](
        // Somebody waits for a pod to start; that one ends a little later hurts nobody.
        () => new Promise((resolve) => turns(env.CNI_COMMAND === 'ADD', () => resolve(work()))),
      ),
    removal: lane(removalsAtOnce),
    running: () => lanes.interface.running() + lanes.ipam.running(),
    waiting: () => lanes.interface.waiting() + lanes.ipam.waiting(),
  };
}
