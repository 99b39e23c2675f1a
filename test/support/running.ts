import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bookkeeping } from './leftovers';
import { addScript } from './network';
import { PATH, type Ran, type RunOptions } from './run';
import { configurations } from './trestle';
import type { World } from './world';

/** A `trestle run` that goes on. */
export interface Running {
  pid: number;
  ended: Promise<Ran>;
}

/** Starts `trestle run` in the world. Plugins are the world's own, then /run/bin's. */
export function startRun(world: World, args: readonly string[], options: RunOptions = {}): Running {
  let pid = 0;
  const ended = world.run(join(world.plugins, 'trestle'), ['run', ...args], {
    ...options,
    env: { ...runEnvironment(world), ...options.env },
    started: (id) => {
      pid = id;
    },
  });
  return { pid, ended };
}

/** As {@link startRun}, to its end. */
export const runToEnd = (world: World, args: readonly string[], options?: RunOptions): Promise<Ran> =>
  startRun(world, args, options).ended;

/** The variables that lead `trestle` to the world's networks and plugins. */
export const runEnvironment = (world: World): Record<string, string> => ({
  PATH,
  NETCONFPATH: configurations,
  CNI_PATH: `${world.plugins}:/run/bin`,
});

/**
 * Makes /run/bin/staged, a plugin that says in /run/stages what it begins and ends ("begin ADD eth0"), and between the two
 * waits for as long as {@link hold} has it. As an IPAM plugin it always gives the same address.
 */
export function addStaged(world: World): void {
  addScript(
    world,
    '/run/bin/staged',
    `what="$CNI_COMMAND $CNI_IFNAME"
echo "begin $what" >>/run/stages
while [ -e "/run/hold $what" ]; do sleep 0.01; done
echo "end $what" >>/run/stages
[ "$CNI_COMMAND" != ADD ] || echo '{"cniVersion": "1.0.0", "ips": [{"address": "10.9.0.2/24"}]}'`,
  );
}

/** Keeps the plugin of {@link addStaged} from ending `stage` ("ADD eth0"). The returned function lets it go on. */
export function hold(world: World, stage: string): () => void {
  const file = world.path(`/run/hold ${stage}`);
  writeFileSync(file, '');
  return () => rmSync(file);
}

/** What has been begun and ended so far. */
export function stages(world: World): string[] {
  const log = world.path('/run/stages');
  return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
}

/** Forgets {@link stages}. */
export const forgetStages = (world: World): void => rmSync(world.path('/run/stages'), { force: true });

/** Waits until something is so; fails after half a minute. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const ends = Date.now() + 30_000; !isSo(); ) {
    if (Date.now() > ends) throw new Error(`not within half a minute: ${what}`);
    await sleep(5);
  }
}

/** Waits until {@link stages} has a line. */
export const reached = (world: World, line: string): Promise<void> => until(line, () => stages(world).includes(line));

/** Waits until every thread of a process sleeps: what it has been told so far it knows. */
export function asleep(pid: number): Promise<void> {
  const threads = `/proc/${pid}/task`;
  return until(`process ${pid} sleeps`, () => readdirSync(threads).every((id) => sleeps(`${threads}/${id}/stat`)));
}

/** By proc(5): its state stands behind the name, which may hold anything. One that has just ended does not sleep. */
function sleeps(stat: string): boolean {
  try {
    return /.*\) S /s.test(readFileSync(stat, 'utf8'));
  } catch {
    return false;
  }
}

/** Patterns of what a run may leave (see expect-unchanged.ts), beside the log of the staged plugin. */
export const leftByRuns: RegExp[] = [
  ...bookkeeping,
  /^files \/run\/(trestle\/runs\/|stages|bin\/.*|net\.d\/.*|calls): /,
  /^files \/var\/lib\/cni\/results\/: /,
];
