import type { Failure } from './failures';
import type { Counts } from './metrics';
import type { Usage } from './usage';

/** What `trestle daemon status` is told. */
export interface Report extends Usage, Counts {
  build: string;
  /** Seconds. */
  uptime: number;
  running: number;
  waiting: number;
  /** Oldest first. */
  failures: readonly Failure[];
}
