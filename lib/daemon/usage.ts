import { readdirSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What this process holds, as the kernel counts it. */
export interface Usage {
  /** Resident memory, bytes. */
  rss: number;
  descriptors: number;
  threads: number;
}

export function usage(): Usage {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return {
    rss: Number(kilobytes) * 1024,
    // Less the one that is open while they are listed.
    descriptors: readdirSync('/proc/self/fd').length - 1,
    threads: readdirSync('/proc/self/task').length,
  };
}

/** Collects garbage at once: what is in use after that is really held. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
