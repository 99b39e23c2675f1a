import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { type Daemon, startDaemon } from '../../daemon/daemon';
import { type Address, passedSocket } from '../../daemon/listen';
import { type Log, newLog } from '../../daemon/log';
import { servePrometheus } from '../../daemon/prometheus';
import { coldFolder, daemonSocket } from '../../daemon/protocol';
import { isReplaced, selfIn } from '../../daemon/self';
import { serviceManager } from '../../daemon/service-manager';
import { keepTables } from '../../daemon/upkeep';
import type { Platform } from '../../plugin/platform';
import { type CommandCall, CommandError, UsageError, value } from '../command';
import { platformOf } from '../platform';

const levels = ['debug', 'info', 'warn', 'error', 'silent'];

/** Runs the daemon until it has been drained. Answers with the exit status. */
export async function runDaemon(call: CommandCall): Promise<number> {
  const { around } = call;
  // Its first calls are to be quick, too: V8 compiles a function at once, and not after having interpreted it often. Only from
  // here on, since it takes no code cache that was made with another choice.
  setFlagsFromString('--always-sparkplug');
  const listener = metricsListener(call);
  const log = newLog(logLevel(call));
  const platform = platformOf(around);
  const daemon = await start(call, platform, log);
  await listener(daemon);
  void keepTables(platform, log);
  const manager = serviceManager(around.env, platform.kernel, (error) => log.warn(error.message));
  await manager.ready();
  await daemon.drained;
  await manager.stopping();
  log.info('ended');
  await new Promise((resolve) => log.flush(resolve));
  return 0;
}

async function start(call: CommandCall, platform: Platform, log: Log): Promise<Daemon> {
  const { env, pid, privately, onSignals } = call.around;
  const path = value(call, 'socket') ?? daemonSocket;
  try {
    const address: Address = passedSocket(env, pid) ?? { path };
    await prepareFolders(platform, path);
    const self = selfIn(__dirname);
    const isOutdated = () => isReplaced(__dirname);
    const daemon = await startDaemon({ address, self, platform, log, isOutdated, privately });
    // Before anybody can know that it serves, so that it is never ended in any other way than by draining.
    onSignals((signal) => daemon.drain(`signal ${signal}`));
    log.info({ build: self.build, ...address }, 'serving');
    return daemon;
  } catch (error) {
    throw new CommandError(`daemon: ${(error as Error).message}`);
  }
}

/** The lock is held until this process ends: no other daemon then serves there. */
async function prepareFolders({ kernel }: Platform, path: string): Promise<void> {
  for (const folder of [dirname(path), coldFolder]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = await kernel.lock({ kind: 'flock', path: `${path}.lock`, timeoutMs: 0 });
  if (lock === null) throw new Error(`another daemon serves ${path}`);
}

function logLevel(call: CommandCall): string {
  const level = value(call, 'log-level') ?? 'info';
  if (!levels.includes(level))
    throw new UsageError(`--log-level: expected one of ${levels.join(', ')}, found "${level}"`);
  return level;
}

/** What is to be done once there are metrics to serve; what cannot be understood is said before anything is begun. */
function metricsListener(call: CommandCall): (daemon: Daemon) => Promise<void> {
  const address = value(call, 'metrics');
  if (address === undefined) return async () => {};
  const [, host, port] = /^\[?([^\]]+)\]?:(\d{1,5})$/.exec(address) ?? [];
  if (host === undefined || Number(port) > 65_535)
    throw new UsageError(`--metrics: expected ADDRESS:PORT, found "${address}"`);
  return async ({ metrics }) => {
    await servePrometheus(metrics, host, Number(port)).catch((error: Error) => {
      throw new CommandError(`daemon: --metrics ${address}: ${error.message}`);
    });
  };
}
