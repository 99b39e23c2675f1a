import { join } from 'node:path';
import type { Report } from '../lib/daemon/report';
import type { Pod } from '../test/support/peers';
import { type CniCall, cniEnvironment, cniInput, installedPlugins, referencePlugins } from '../test/support/plugins';
import { createWorld, type World } from '../test/support/world';
import { type Daemon, hasDaemon, ranCold, startDaemon } from './daemon';
import { type Program, startTimer, type Timer, type Timing, type Timings } from './timer';

/** The Debian package; our launcher without a daemon, and with one; and what the kernel itself needs (floor.c). */
export const contenderNames = ['reference', 'cold', 'warm', 'floor'] as const;
export type ContenderName = (typeof contenderNames)[number];

/** Who is measured, in a world of its own. */
export interface Contender {
  name: ContenderName;
  world: World;
  /** Its first so many pods, the same each time. Cases share them, since they are measured one after another. */
  pods(count: number): Promise<Pod[]>;
  /** Calls that were not what is to be measured: cold, where the daemon should have served them. Their times count. */
  faults: readonly string[];
  /** As {@link Timer.run}. Every program must succeed. */
  run(together: Program[], beside?: Program[]): Promise<Timings>;
  close(): Promise<void>;
}

/** Those that there are: warm only where the installed command has a daemon. */
export async function startContenders(): Promise<Contender[]> {
  const contenders: Contender[] = [];
  try {
    for (const name of contenderNames) {
      if (name === 'warm' && !(await hasDaemon())) process.stderr.write('there is no daemon to measure\n');
      else contenders.push(await startContender(name));
    }
    return contenders;
  } catch (error) {
    await closeAll(contenders);
    throw error;
  }
}

export async function closeAll(contenders: readonly Contender[]): Promise<void> {
  for (const contender of contenders) await contender.close();
}

async function startContender(name: ContenderName): Promise<Contender> {
  const world = await createWorld();
  const timer = await startTimer(world);
  let daemon: Daemon | undefined;
  const close = async () => {
    timer.stop();
    await daemon?.stop();
    await world.close();
  };
  try {
    if (name === 'warm') daemon = await startDaemon(world);
    const faults: string[] = [];
    const run = daemon === undefined ? succeeding.bind(undefined, timer) : await served(timer, daemon, faults);
    return { name, world, pods: podsOf(world), faults, run, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function podsOf(world: World): Contender['pods'] {
  const pods: Pod[] = [];
  return async (count) => {
    while (pods.length < count) pods.push(await world.addPod());
    return pods.slice(0, count);
  };
}

/** As {@link Timer.run}; every program must succeed. */
export async function succeeding(timer: Timer, together: Program[], beside?: Program[]): Promise<Timings> {
  const timings = await timer.run(together, beside);
  for (const timing of [...timings.together, ...timings.beside]) mustSucceed(timing);
  return timings;
}

function mustSucceed({ code, output }: Timing): void {
  if (code !== 0) throw new Error(`exit status ${code}: ${output}`);
}

/** Programs that are all launchers: the daemon must have served each, and none may have run cold, or it is a fault. */
async function served(timer: Timer, daemon: Daemon, faults: string[]): Promise<Contender['run']> {
  let before = await daemon.report();
  return async (...programs) => {
    const timings = await succeeding(timer, ...programs);
    const after = await daemon.report();
    const calls = timings.together.length + timings.beside.length;
    const claimed = after.claimed - before.claimed;
    const cold = ranCold(after) - ranCold(before);
    if (claimed !== calls || cold !== 0) {
      faults.push(`of ${calls} calls the daemon claimed ${claimed}, and ${cold} ran cold: in all ${reasons(after)}`);
    }
    before = after;
    return timings;
  };
}

const reasons = ({ declined, unserved, cold }: Report): string => JSON.stringify({ declined, unserved, cold });

/** A plugin of the contender's, called as a runtime does. */
export function pluginCall({ name }: Pick<Contender, 'name'>, type: string, call: CniCall): Program {
  const directory = name === 'reference' ? referencePlugins : installedPlugins;
  return { args: [join(directory, type)], env: cniEnvironment(call, directory), input: String(cniInput(call)) };
}
