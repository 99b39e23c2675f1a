import type { Platform } from '../plugin/platform';
import { type Lane, lane } from './lane';
import type { LaunchedRequest } from './request';

/** How many requests are served at once in each lane; the rest wait in the order in which they came. */
const width = 64;

export interface Lanes {
  enter<T>(request: Pick<LaunchedRequest, 'type'>, work: () => Promise<T>): Promise<T>;
  running(): number;
  waiting(): number;
}

/**
 * IPAM plugins have a lane of their own. Who calls one may hold the lock of an attachment for which others, who fill the
 * first lane, wait; they would wait for each other otherwise.
 */
export function newLanes({ plugins }: Pick<Platform, 'plugins'>): Lanes {
  const lanes: Readonly<Record<'interface' | 'ipam', Lane>> = { interface: lane(width), ipam: lane(width) };
  return {
    enter: ({ type }, work) => lanes[plugins.get(type)?.kind ?? 'interface'](work),
    running: () => lanes.interface.running() + lanes.ipam.running(),
    waiting: () => lanes.interface.waiting() + lanes.ipam.waiting(),
  };
}
