import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, logged, startDaemon } from './daemon';
import { type ChangingCall, killAt, parseLog, stops } from './kill-at';
import { type CniAnswer, type CniCall, cniAnswer, cniEnvironment, cniInput, pluginPath } from './plugins';
import type { World } from './world';

/** A call of a plugin that goes on. */
export interface Calling {
  /** The launcher's, or what it has become. */
  pid: number;
  ended: Promise<CniAnswer>;
}

/** Calls a plugin as a runtime does that may end it. */
export function startCni(world: World, type: string, call: CniCall): Calling {
  const plugins = call.plugins ?? world.plugins;
  let pid = 0;
  const ran = world.run(pluginPath(type, plugins), [], {
    env: cniEnvironment(call, plugins),
    input: cniInput(call),
    started: (id) => {
      pid = id;
    },
  });
  return { pid, ended: ran.then(cniAnswer) };
}

/** A daemon that stands still before one of the calls that it makes for a request: one that changes something, or a word. */
export interface HeldDaemon extends Daemon {
  /** Its own process id; `pid` is that of who holds it. */
  self: number;
  /** Starts a call and waits until the daemon stands still: null if it made fewer calls. The next time it is one later. */
  hold(type: string, call: CniCall): Promise<{ calling: Calling; at: ChangingCall | null }>;
  /** Lets it go on. */
  resume(): void;
}

/** Starts a daemon that will stand still before the `nth` call for a request; see kill-at/main.c. */
export async function startHeldDaemon(world: World, nth: number): Promise<HeldDaemon> {
  let self = 0;
  let calls: ChangingCall[] = [];
  let wanted = nth;
  const daemon = await startDaemon(world.keeper, world.plugins, {
    args: ['--log-level', 'debug'],
    by: [await killAt(), String(nth), '--daemon'],
    told: (line) => {
      self ||= Number(/^daemon (\d+)$/.exec(line)?.[1] ?? 0);
      calls.push(...parseLog(line));
    },
  });
  world.keeper.companions.add(self);
  void daemon.ended.then(() => world.keeper.companions.delete(self));
  // Whose calls would be taken for those that it makes for a request.
  await logged(daemon, ({ msg }) => msg === 'tables are kept');
  return {
    ...daemon,
    self,
    async hold(type, call) {
      calls = [];
      daemon.process.kill('SIGUSR1');
      const calling = startCni(world, type, call);
      const isHeld = await Promise.race([stops(() => daemon.pid), calling.ended.then(() => false)]);
      // What it wrote last is read later than it is seen to stand still.
      while (isHeld && calls.length < wanted) await sleep(1);
      return { calling, at: isHeld ? (calls[wanted++ - 1] ?? null) : null };
    },
    resume: () => {
      process.kill(daemon.pid, 'SIGCONT');
    },
  };
}
