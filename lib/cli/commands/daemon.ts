import { daemonSocket } from '../../daemon/protocol';
import { type Command, UsageError } from '../command';
import { runDaemon } from '../daemon/run';
import { tellStatus } from '../daemon/status';

export const daemon: Command = {
  name: 'daemon',
  summary: 'serve the calls of the plugins from one process that is there already, or ask how it does',
  operands: '[status]',
  arity: [0, 1],
  options: {
    socket: { value: 'PATH', about: `listen there, or ask there, and not on ${daemonSocket}, where plugins call` },
    metrics: { value: 'ADDRESS:PORT', about: 'serve what is counted to Prometheus there, as GET /metrics' },
    'log-level': { value: 'LEVEL', about: 'debug, info (a line per request; the default), warn, error or silent' },
    json: { about: 'with status: as JSON' },
    collect: { about: 'with status: after collecting garbage, so that what is in use is really held' },
  },
  environment: {
    LISTEN_FDS: 'the socket that systemd listens on for the daemon (with LISTEN_PID)',
    NOTIFY_SOCKET: 'where systemd wants to be told that the daemon is ready',
    WATCHDOG_USEC: 'how often systemd wants to hear of it, in microseconds',
  },
  about: `
Plugins start in milliseconds and not in tens of them when a daemon runs: they ask it, and where it is not there, does
not answer within a quarter of a second, or cannot do just what they would do themselves, they do it themselves. So it
may be stopped, killed or replaced at any time. It ends when it is told to (SIGTERM, SIGINT), and when a plugin calls of
another build that has been installed in its place, after finishing what it has begun.

daemon status tells what a running daemon has done: requests by command and plugin with the times of half, nine tenths
and all but a hundredth of them, what it declined and why, how often plugins did without it, and the latest errors.`,
  examples: [
    ['trestle daemon', 'in the foreground; the log is JSON, a line per request'],
    ['trestle daemon --metrics 127.0.0.1:9090', 'with figures for Prometheus'],
    ['trestle daemon status', 'how it does'],
  ],
  async run(call) {
    const [operand] = call.operands;
    if (operand === undefined) return runDaemon(call);
    if (operand === 'status') return tellStatus(call);
    throw new UsageError(`unexpected "${operand}"`);
  },
};
