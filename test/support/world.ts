import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { takeSnapshot } from './collect';
import type { Daemon } from './daemon';
import { endKeeper, type Keeper, processes, startKeeper, worldPath } from './keeper';
import { addOutside, type Outside, type OutsideOptions } from './outside';
import { type EchoPeer, enter, type Place, type Pod, ping, sourceSeenBy, startEcho } from './peers';
import {
  type CniAnswer,
  type CniCall,
  cniAnswer,
  cniEnvironment,
  cniInput,
  installedPlugins,
  pluginPath,
} from './plugins';
import { output, type Ran, type RunOptions, run } from './run';
import type { Snapshot } from './snapshot';
import { endWarmDaemon, warmDaemon } from './warm';

/** A machine of its own for one test: a network and a mount namespace, with empty /run and /var/lib. */
export interface World {
  keeper: Keeper;
  /** The directory its plugins are called from. */
  plugins: string;
  /** Where a file of the world is seen from outside of it, for node:fs. */
  path(path: string): string;
  /** Runs a program in the world: on its host side, or in a pod's network namespace. */
  run(file: string, args: readonly string[], options?: RunOptions & { in?: Place }): Promise<Ran>;
  /** `ip -json …` parsed; an empty answer is an empty list. Fails when `ip` does. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it as they like
  ip(command: string, place?: Place): Promise<any[]>;
  /** A new, empty network namespace, as a runtime makes it: its loopback is down. */
  addPod(name?: string): Promise<Pod>;
  removePod(pod: Pod): Promise<void>;
  /** A namespace that plays the rest of the world, joined to the host by a veth pair. */
  addOutside(options?: OutsideOptions): Promise<Outside>;
  /** Calls a plugin as a runtime does. */
  cni(type: string, call: CniCall): Promise<CniAnswer>;
  ping(place: Place, address: string, options?: { timeoutMs?: number; source?: string }): Promise<boolean>;
  /** Starts a peer that tells each caller its address; it ends with the world. */
  echo(place: Place, address: string, port?: number): Promise<EchoPeer>;
  sourceSeenBy(
    peer: Pick<EchoPeer, 'address' | 'port'>,
    place: Place,
    options?: { protocol?: 'tcp' | 'udp'; timeoutMs?: number },
  ): Promise<string | null>;
  snapshot(): Promise<Snapshot>;
  /** Ends it. Fails when a process is left in it that it did not start itself. */
  close(): Promise<void>;
}

export interface WorldOptions {
  /** A directory of plugins; the installed ones when absent. */
  plugins?: string;
}

/** Makes a world. Close it in `after` or `afterEach`; should the test process die, it vanishes too. */
export async function createWorld({ plugins = installedPlugins }: WorldOptions = {}): Promise<World> {
  const keeper = await startKeeper();
  const daemon = await warmDaemon(keeper, plugins);
  const peers: EchoPeer[] = [];
  let pods = 0;
  const inside = (file: string, args: readonly string[], { in: place, ...rest }: RunOptions & { in?: Place } = {}) =>
    run('nsenter', [...enter(keeper, place), file, ...args], rest);
  const ip = (command: string, place?: Place) => ipJson(keeper, command, place);

  return {
    keeper,
    plugins,
    path: (path) => worldPath(keeper, path),
    run: inside,
    ip,
    addPod: async (name = `pod${++pods}`) => {
      await ip(`netns add ${name}`);
      return { name, path: `/run/netns/${name}` };
    },
    removePod: async ({ name }) => {
      await ip(`netns delete ${name}`);
    },
    addOutside: (options) => addOutside(ip, options),
    cni: (type, call) => callPlugin(keeper, type, call, call.plugins ?? plugins),
    ping: (place, address, options) => ping(keeper, place, address, options),
    echo: async (place, address, port = 7) => {
      const peer = await startEcho(keeper, place, address, port);
      peers.push(peer);
      return peer;
    },
    sourceSeenBy: (peer, place, options) => sourceSeenBy(keeper, peer, place, options),
    snapshot: () => takeSnapshot(keeper),
    close: () => closeWorld(keeper, peers, daemon),
  };
}

async function ipJson(keeper: Keeper, command: string, place?: Place): Promise<unknown[]> {
  const text = await output('nsenter', [...enter(keeper, place), 'ip', '-json', ...command.split(' ')]);
  return text.trim() === '' ? [] : JSON.parse(text);
}

async function callPlugin(keeper: Keeper, type: string, call: CniCall, plugins: string): Promise<CniAnswer> {
  const file = pluginPath(type, plugins);
  // It may lie in a folder that only the world has.
  if (!existsSync(file) && !existsSync(worldPath(keeper, file))) {
    throw new Error(`no plugin ${file}: run \`make install DESTDIR=build/stage\` first`);
  }
  const ran = await run('nsenter', [...enter(keeper), file], {
    env: cniEnvironment(call, plugins),
    input: cniInput(call),
    ...(call.timeoutMs !== undefined && { timeoutMs: call.timeoutMs }),
  });
  return cniAnswer(ran);
}

async function closeWorld(keeper: Keeper, peers: EchoPeer[], daemon: Daemon | undefined): Promise<void> {
  const ours = new Set(peers.flatMap((peer) => peer.process.pid ?? []));
  const strangers = await left(keeper, ours);
  for (const pid of [...ours, ...strangers.map((stranger) => stranger.pid)]) {
    kill(pid);
  }
  const faults = daemon ? await endWarmDaemon(keeper, daemon) : [];
  for (const pid of keeper.companions) kill(pid);
  await endKeeper(keeper);
  if (strangers.length > 0) {
    throw new Error(`left running: ${strangers.map(({ pid, command }) => `${pid} ${command}`).join(', ')}`);
  }
  if (faults.length > 0) throw new Error(faults.join('\n'));
}

/** What still runs after a moment's grace: a process that has just answered may take a few milliseconds to end. */
async function left(keeper: Keeper, ours: Set<number>): Promise<{ pid: number; command: string }[]> {
  const deadline = Date.now() + 500;
  for (;;) {
    const strangers = processes(keeper).filter(({ pid }) => !ours.has(pid));
    if (strangers.length === 0 || Date.now() > deadline) {
      return strangers;
    }
    await sleep(10);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
