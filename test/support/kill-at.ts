import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { compiled } from './compile';
import { enter } from './peers';
import { type CniAnswer, type CniCall, cniAnswer, cniEnvironment, cniInput, pluginPath } from './plugins';
import { run } from './run';
import type { World } from './world';

/** A system call that changes something outside of the process that makes it. */
export interface ChangingCall {
  /** From 1 on, over all threads and children of the plugin. */
  index: number;
  /** "sendmsg" */
  name: string;
  /** "RTM_NEWLINK", "nftables batch", "standard output", or a path. */
  detail: string;
}

export interface KilledRun extends CniAnswer {
  /** The calls up to the end, or up to the one before which it was killed (which was not made). */
  calls: ChangingCall[];
  /** The call at which it was killed; null when there were fewer. */
  at: ChangingCall | null;
}

export interface KillOptions {
  /** Which process: the one that makes the call (when absent), or the plugin itself, even if its delegate makes it. */
  victim?: 'caller' | 'plugin';
}

/** Calls a plugin and kills it just before its `index`-th changing system call (see kill-at/main.c); 0 only lists them. */
export async function cniKilledAt(
  world: World,
  type: string,
  call: CniCall,
  index: number,
  { victim = 'caller' }: KillOptions = {},
): Promise<KilledRun> {
  const plugins = call.plugins ?? world.plugins;
  const who = victim === 'plugin' ? ['--root'] : [];
  const program = [await killAt(), String(index), ...who, pluginPath(type, plugins)];
  const ran = await run('nsenter', [...enter(world.keeper), ...program], {
    env: cniEnvironment(call, plugins),
    input: cniInput(call),
    log: true,
  });
  if (ran.code === BROKEN) {
    throw new Error(ran.stderr);
  }
  const calls = parseLog(ran.log);
  return { ...cniAnswer(ran), calls, at: index > 0 ? (calls[index - 1] ?? null) : null };
}

/**
 * Calls a plugin again and again, killed before its first changing call, its second, …, until a run ends by itself;
 * `then` looks at what each kill has left, and puts things back for the next. Returns the calls it was killed at.
 */
export async function killAtEachCall(
  world: World,
  type: string,
  call: CniCall,
  then: (killed: KilledRun, at: ChangingCall) => Promise<void>,
  options?: KillOptions,
): Promise<ChangingCall[]> {
  const hit: ChangingCall[] = [];
  for (;;) {
    const killed = await cniKilledAt(world, type, call, hit.length + 1, options);
    if (killed.at === null) {
      return hit;
    }
    hit.push(killed.at);
    await then(killed, killed.at);
  }
}

function parseLog(log: string): ChangingCall[] {
  return log.split('\n').flatMap((line) => {
    const [, index, name = '', detail = ''] = line.match(/^(\d+) (\S+) (.*)$/) ?? [];
    return index === undefined ? [] : [{ index: Number(index), name, detail }];
  });
}

/** kill-at's own exit status when it could not do its work. */
const BROKEN = 125;

const sources = join(__dirname, 'kill-at');
let built: Promise<string> | undefined;

/** The path of the program that kills; compiled at most once in a process. */
function killAt(): Promise<string> {
  built ??= compiled(
    'kill-at',
    readdirSync(sources).map((name) => join(sources, name)),
  );
  return built;
}
