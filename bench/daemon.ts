import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Counts } from '../lib/daemon/metrics';
import { daemonSocket } from '../lib/daemon/protocol';
import type { Usage } from '../lib/daemon/usage';
import { installedPlugins } from '../test/support/plugins';
import { output, PATH, run } from '../test/support/run';
import { until } from '../test/support/running';
import type { World } from '../test/support/world';

const command = join(installedPlugins, 'trestle');
const env = { PATH };

/** What `trestle daemon status --json` prints, as far as it is of interest here. */
export type Report = Counts & Usage;

/** The installed daemon, running in a world. */
export interface Daemon {
  pid: number;
  /** Asks it; `collect` has it collect its garbage before. */
  report(options?: { collect?: boolean }): Promise<Report>;
  /** Ends it as systemd does, and waits until it has ended. */
  stop(): Promise<void>;
}

/** Whether the installed command has a daemon at all. */
export async function hasDaemon(): Promise<boolean> {
  return (await run(command, ['daemon', '--help'], { env })).code === 0;
}

export async function startDaemon(world: World): Promise<Daemon> {
  let pid = 0;
  // Its log goes to a file, because reading it here would take time from what is measured.
  const ended = world.run('sh', ['-c', 'exec "$0" daemon >/run/daemon.log 2>&1', command], {
    env,
    timeoutMs: 24 * 3_600_000,
    started: (id) => {
      pid = id;
    },
  });
  let isRunning = true;
  void ended.then(() => {
    isRunning = false;
  });
  await until('the daemon listens', () => existsSync(world.path(daemonSocket)) || !isRunning);
  const mustRun = async () => {
    if (!isRunning) throw new Error(`the daemon has ended: ${await output('cat', [world.path('/run/daemon.log')])}`);
  };
  return {
    pid,
    report: async ({ collect = false } = {}) => {
      await mustRun();
      const { code, stdout, stderr } = await world.run(
        command,
        ['daemon', 'status', '--json', ...(collect ? ['--collect'] : [])],
        { env },
      );
      if (code !== 0) throw new Error(`trestle daemon status: ${stderr}`);
      return JSON.parse(stdout);
    },
    stop: async () => {
      if (isRunning) process.kill(pid, 'SIGTERM');
      await ended;
    },
  };
}

/** How many calls were served by a process of their own although there is a daemon. */
export const ranCold = ({ cold }: Counts): number => Object.values(cold).reduce((sum, count) => sum + count, 0);
