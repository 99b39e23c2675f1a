import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
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
}

/** A daemon that has been started, and may yet fail to serve. */
export function spawnDaemon(keeper: Keeper, plugins: string, options: DaemonOptions = {}): Daemon {
  const { args = [], by = [], in: place } = options;
  // Should the test process die, so does the daemon: it would keep its world alive.
  const line = ['--pdeathsig', 'KILL', 'nsenter', ...enter(keeper, place), ...by];
  const child = spawn('setpriv', [...line, join(plugins, 'trestle'), 'daemon', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH },
  });
  const log: LogLine[] = [];
  let stderr = '';
  createInterface({ input: child.stdout }).on('line', (text) => log.push(JSON.parse(text) as LogLine));
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stderr }));
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
  const serving = logged(daemon, ({ msg }) => msg === 'serving');
  const early = await Promise.race([serving, daemon.ended]);
  if (early !== undefined && 'code' in early) throw new Error(`no daemon: ${early.stderr || early.signal}`);
  return daemon;
}

/** Waits for a line of the log. */
export async function logged(daemon: Daemon, isIt: (line: LogLine) => boolean): Promise<void> {
  while (!daemon.log.some(isIt)) {
    if (daemon.process.stdout === null || daemon.process.stdout.closed) return;
    await Promise.race([once(daemon.process.stdout, 'data'), once(daemon.process.stdout, 'close')]);
    await new Promise(setImmediate);
  }
}
