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
  outcome?: string;
  reason?: string;
  complaint?: string;
  why?: string;
}

/** `trestle daemon` in a world. */
export interface Daemon {
  pid: number;
  process: ChildProcess;
  /** Everything that it has logged so far. */
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
    report: () => ask(worldPath(keeper, daemonSocket), false),
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

/** A daemon that serves. */
export async function startDaemon(keeper: Keeper, plugins: string, options?: DaemonOptions): Promise<Daemon> {
  const daemon = spawnDaemon(keeper, plugins, options);
  await logged(daemon, ({ msg }) => msg === 'serving').catch(async () => {
    const { stderr, signal } = await daemon.ended;
    throw new Error(`no daemon: ${stderr || signal}`);
  });
  return daemon;
}

/** Waits for a line of the log. Fails when the daemon ends before it says so. */
export async function logged(daemon: Daemon, isIt: (line: LogLine) => boolean): Promise<void> {
  let isOver = false;
  void daemon.ended.then(() => {
    isOver = true;
  });
  while (!daemon.log.some(isIt)) {
    if (isOver) throw new Error('the daemon has ended');
    await sleep(2);
  }
}
