import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compiled } from './compile';
import { enter } from './peers';
import { type CniAnswer, type CniCall, cniAnswer, cniEnvironment, cniInput, pluginPath } from './plugins';
import { type RunOptions, run } from './run';
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
  const killed = await callUnderKillAt(world, type, call, [String(index), ...(victim === 'plugin' ? ['--root'] : [])]);
  return { ...killed, at: index > 0 ? (killed.calls[index - 1] ?? null) : null };
}

/** A plugin that stands still just before one of its changing system calls. */
export interface HeldRun {
  /** Lets it go on to its end. */
  resume(): Promise<KilledRun>;
  /** Ends it where it is. */
  kill(): Promise<KilledRun>;
}

/** Calls a plugin and holds it just before its `index`-th changing system call. Fails when it makes fewer. */
export async function cniHeldAt(world: World, type: string, call: CniCall, index: number): Promise<HeldRun> {
  let pid = 0;
  const ended = callUnderKillAt(world, type, call, [String(index), '--hold'], (id) => {
    pid = id;
  });
  if (!(await stops(() => pid))) {
    await ended;
    throw new Error(`it made fewer than ${index} calls`);
  }
  const at = (signal: NodeJS.Signals) => async () => {
    process.kill(pid, signal);
    const { calls, ...rest } = await ended;
    return { ...rest, calls, at: calls[index - 1] ?? null };
  };
  return { resume: at('SIGCONT'), kill: at('SIGKILL') };
}

/** Waits until a process has stopped; false when it ended instead. */
export async function stops(pid: () => number): Promise<boolean> {
  for (;;) {
    const state = pid() === 0 ? '' : stateOf(pid());
    if (state === 'T') return true;
    if (state === undefined || state === 'Z') return false;
    await sleep(2);
  }
}

/** The letter that /proc/PID/status has, undefined when there is no such process. */
function stateOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8').match(/^State:\t(\w)/m)?.[1];
  } catch {
    return undefined;
  }
}

async function callUnderKillAt(
  world: World,
  type: string,
  call: CniCall,
  args: string[],
  started: (pid: number) => void = () => {},
): Promise<Omit<KilledRun, 'at'>> {
  const plugins = call.plugins ?? world.plugins;
  return underKillAt(world, [...args, pluginPath(type, plugins)], {
    env: cniEnvironment(call, plugins),
    input: cniInput(call),
    started,
  });
}

async function underKillAt(world: World, args: string[], options: RunOptions): Promise<Omit<KilledRun, 'at'>> {
  const ran = await run('nsenter', [...enter(world.keeper), await killAt(), ...args], { ...options, log: true });
  if (ran.code === BROKEN) {
    throw new Error(ran.stderr);
  }
  return { ...cniAnswer(ran), calls: parseLog(ran.log) };
}

/** Runs a command of Trestle's, such as `trestle run`, and kills it just before its `index`-th changing system call. */
export async function commandKilledAt(
  world: World,
  [command = '', ...args]: string[],
  env: Record<string, string>,
  index: number,
): Promise<KilledRun> {
  const line = [String(index), '--root', pluginPath(command, world.plugins), ...args];
  const killed = await underKillAt(world, line, { env });
  return { ...killed, at: killed.calls[index - 1] ?? null };
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

export function parseLog(log: string): ChangingCall[] {
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
export function killAt(): Promise<string> {
  built ??= compiled(
    'kill-at',
    readdirSync(sources).map((name) => join(sources, name)),
  );
  return built;
}
