import { readdirSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { confinement } from './confine';
import { type Daemon, type LogLine, startDaemon } from './daemon';
import { type Keeper, worldPath } from './keeper';
import { installedPlugins } from './plugins';

/** Whether worlds have a daemon each, so that the same tests are run through launcher and daemon: see `make test-warm`. */
export const isWarm = process.env.TRESTLE_DRIVER === 'daemon';

/** How the calls of plugins were served, by the daemons of all worlds of a test file. */
export interface Tally {
  /** By the daemon. */
  warm: number;
  /** Not by the daemon, since it said that it is not for it: how often, by reason. */
  declined: Record<string, number>;
  /** Begun by the daemon, and then left to the cold process, since it needs a plugin of somebody else's. */
  left: number;
  /** Not by the daemon, since it gave no answer, or a wrong one: how often, by reason. */
  cold: Record<string, number>;
}

const tallies = new Map<string, Tally>();
let file = '';

/** From now on it is this test file whose worlds are ended. */
export function tallyFor(path: string): void {
  file = basename(path);
}

/** What has been counted so far, by test file. */
export const tallied = (): ReadonlyMap<string, Tally> => tallies;

/** The daemon of a new world, if worlds are to have one. It can do no more than systemd would let it. */
export async function warmDaemon(keeper: Keeper, plugins: string): Promise<Daemon | undefined> {
  if (!isWarm || plugins !== installedPlugins) return undefined;
  return startDaemon(keeper, plugins, { by: await confinement() });
}

/** Ends a world's daemon, and counts what it has done. Returns what is wrong with it. */
export async function endWarmDaemon(keeper: Keeper, daemon: Daemon): Promise<string[]> {
  const hasDied = daemon.process.exitCode !== null || daemon.process.signalCode !== null;
  const slow = setTimeout(() => daemon.process.kill('SIGKILL'), 5000);
  const { code, signal, stderr } = await daemon.end();
  clearTimeout(slow);
  const complaints = daemon.log.filter(({ level }) => level > 30);
  count(keeper, daemon.log);
  return [
    ...(hasDied ? ['the daemon ended before its world'] : []),
    ...(code === 0 ? [] : [`the daemon ended with ${code ?? signal}`]),
    ...(stderr === '' ? [] : [`the daemon said: ${stderr}`]),
    ...complaints.map((line) => `the daemon logged ${JSON.stringify(line)}`),
  ];
}

function count(keeper: Keeper, log: readonly LogLine[]): void {
  const tally = tallies.get(file) ?? { warm: 0, declined: {}, left: 0, cold: {} };
  tallies.set(file, tally);
  for (const { msg, outcome, reason = '' } of log) {
    if (msg === 'declined') add(tally.declined, reason, 1);
    else if (msg === 'request' && outcome === undefined) tally.warm += 1;
    else if (msg === 'request' && outcome === 'done') tally.warm += 1;
    else if (msg === 'request') tally.left += 1;
  }
  for (const [reason, times] of Object.entries(coldCounts(keeper))) add(tally.cold, reason, times);
}

/** As launchers count; "declined" is known better from the log. */
function coldCounts(keeper: Keeper): Record<string, number> {
  const folder = worldPath(keeper, '/run/trestle/cold');
  try {
    const reasons = readdirSync(folder).filter((reason) => reason !== 'declined');
    return Object.fromEntries(reasons.map((reason) => [reason, statSync(`${folder}/${reason}`).size]));
  } catch {
    // A test has removed the state folder.
    return {};
  }
}

export function add(counts: Record<string, number>, reason: string, times: number): void {
  counts[reason] = (counts[reason] ?? 0) + times;
}
