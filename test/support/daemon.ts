import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../../lib/daemon/ask';
import type { Report } from '../../lib/daemon/report';
import { type Keeper, worldPath } from './keeper';
import { enter, type Place } from './peers';
import { PATH, type Ran } from './run';

/** The daemon's socket, in a world. */
export const daemonSocket = '/run/trestle/daemon.sock';

/** A line of a daemon's log: what pino writes, and what the daemon says of a request. */
export interface LogLine {
  level: number;
  msg: string;
  plugin?: string;
  command?: string;
  container?: string;
  ifname?: string;
  outcome?: string;
  recipe?: string;
  reason?: string;
  complaint?: string;
  why?: string;
}

/** `trestle daemon` in a world. */
export interface Daemon {
  pid: number;
  process: ChildProcess;
  /** Everything of its log that has come so far; all of it once it has ended. */
  log: readonly LogLine[];
  /** What `trestle daemon status` would tell. */
  report(): Promise<Report>;
  /** Resolves when it has ended, by whatever. */
  ended: Promise<Pick<Ran, 'code' | 'signal' | 'stderr'>>;
  /** Sends it a signal, SIGTERM when absent, and waits for its end. */
  end(signal?: NodeJS.Signals): Promise<Pick<Ran, 'code' | 'signal' | 'stderr'>>;
}

export interface DaemonOptions {
  /** Further ones of the command's. */
  args?: readonly string[];
  /** A program with its arguments that is to start the daemon: `unshare …`. */
  by?: readonly string[];
  in?: Place;
  /** Is told each line that is written to descriptor 3. */
  told?: (line: string) => void;
}

/** A daemon that has been started, and may yet fail to serve. */
export function spawnDaemon(keeper: Keeper, plugins: string, options: DaemonOptions = {}): Daemon {
  const { args = [], by = [], in: place, told = () => {} } = options;
  // Should the test process die, so does the daemon: it would keep its world alive.
  const line = ['--pdeathsig', 'KILL', 'nsenter', ...enter(keeper, place), ...by];
  const child = spawn('setpriv', [...line, join(plugins, 'trestle'), 'daemon', ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { PATH },
  });
  const socket = args[args.indexOf('--socket') + 1 || args.length] ?? daemonSocket;
  const log: LogLine[] = [];
  let stderr = '';
  createInterface({ input: child.stdout as Readable }).on('line', (text) => log.push(JSON.parse(text) as LogLine));
  createInterface({ input: child.stdio[3] as Readable }).on('line', told);
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stderr }));
  keeper.companions.add(child.pid ?? 0);
  void ended.then(() => keeper.companions.delete(child.pid ?? 0));
  return {
    pid: child.pid ?? 0,
    process: child,
    log,
    ended,
    report: () => ask(worldPath(keeper, socket), false),
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

/** A daemon that serves. */
export async function startDaemon(keeper: Keeper, plugins: string, options?: DaemonOptions): Promise<Daemon> {
  const daemon = spawnDaemon(keeper, plugins, options);
  const over = endOf(daemon);
  while (!(await answers(daemon))) {
    if (over.isSo) throw new Error(`no daemon: ${(await daemon.ended).stderr || 'it was killed'}`);
    await sleep(5);
  }
  return daemon;
}

const answers = (daemon: Daemon): Promise<boolean> =>
  daemon.report().then(
    () => true,
    () => false,
  );

/** Tells at any time whether a daemon has ended. */
function endOf(daemon: Daemon): { isSo: boolean } {
  const over = { isSo: false };
  void daemon.ended.then(() => {
    over.isSo = true;
  });
  return over;
}

/** Waits for a line of the log, which is written a moment later than what it tells. Fails when the daemon has ended without. */
export async function logged(daemon: Daemon, isIt: (line: LogLine) => boolean): Promise<void> {
  const over = endOf(daemon);
  while (!daemon.log.some(isIt)) {
    if (over.isSo) throw new Error('the daemon has ended');
    await sleep(2);
  }
}
