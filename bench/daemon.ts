import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../lib/daemon/ask';
import type { Report } from '../lib/daemon/report';
import { daemonSocket, spawnDaemon } from '../test/support/daemon';
import { installedPlugins } from '../test/support/plugins';
import { PATH, run } from '../test/support/run';
import type { World } from '../test/support/world';

/** The installed daemon, running in a world. */
export interface Daemon {
  /** What `trestle daemon status` would tell; `collect` has it collect its garbage before. */
  report(options?: { collect?: boolean }): Promise<Report>;
  /** Ends it as systemd does, and waits until it has ended. */
  stop(): Promise<void>;
}

/** Whether the installed command has a daemon at all. */
export async function hasDaemon(): Promise<boolean> {
  const ran = await run(join(installedPlugins, 'trestle'), ['daemon', '--help'], { env: { PATH } });
  return ran.code === 0;
}

export async function startDaemon(world: World): Promise<Daemon> {
  // Its log goes to a file, because reading it here would take time from what is measured.
  const by = ['sh', '-c', 'exec "$@" >/run/daemon.log', 'sh'];
  const { ended, end } = spawnDaemon(world.keeper, installedPlugins, { by });
  const socket = world.path(daemonSocket);
  const failed = ended.then(({ stderr }) => {
    throw new Error(`the daemon has ended: ${stderr}`);
  });
  await Promise.race([failed, answering(socket)]);
  return {
    report: ({ collect = false } = {}) => Promise.race([failed, ask(socket, collect)]),
    stop: async () => {
      failed.catch(() => {});
      await end();
    },
  };
}

/** Waits until a daemon answers: its socket's file is there a moment before it listens. Rejects after half a minute. */
export async function answering(socket: string): Promise<void> {
  for (const ends = Date.now() + 30_000; ; await sleep(10)) {
    try {
      await ask(socket, false);
      return;
    } catch (error) {
      if (Date.now() > ends) throw error;
    }
  }
}

/** How many calls were served by a process of their own although there is a daemon. */
export const ranCold = ({ cold }: Report): number => Object.values(cold).reduce((sum, count) => sum + count, 0);
