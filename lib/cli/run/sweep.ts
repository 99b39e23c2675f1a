import type { CommandRuntime } from '../runtime';
import { listRuns, lockRun, readRun, recordPath, removeRun } from './records';
import { removeScratch } from './scratch';

/** Cleans up after the runs that were killed, until `isStopped`. What cannot be cleaned up is warned of, and left. */
export async function sweep(runtime: CommandRuntime, isStopped: () => boolean): Promise<void> {
  for (const id of listRuns(runtime.platform)) {
    if (isStopped()) return;
    const lock = await lockRun(runtime.platform, id, 0);
    if (lock !== null) await cleanUp(runtime, id, lock);
  }
}

async function cleanUp(runtime: CommandRuntime, id: string, lock: number): Promise<void> {
  const { platform, warn } = runtime;
  const path = recordPath(platform, id);
  try {
    const record = readRun(platform, id);
    if (record) return await removeScratch(runtime, { id, lock, record });
    removeRun(platform, id);
  } catch (error) {
    warn(
      `cannot clean up after a run that was killed: ${path}: ${(error as Error).message}; remove it to be done with it`,
    );
  }
  platform.kernel.unlock(lock);
}
