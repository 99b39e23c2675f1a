import { expect } from 'chai';
import { type ChangingCall, cniKilledAt } from './kill-at';
import { bridgeNetwork, type Config, succeed } from './network';
import type { CniCall } from './plugins';
import type { Snapshot } from './snapshot';
import { createWorld, type World } from './world';

/** Two addresses for pods: whoever comes when one is freed gets it, and what a kill has leaked cannot be had again. */
export const narrowNetwork = bridgeNetwork({
  cniVersion: '1.1.0',
  ipMasq: true,
  ipam: { type: 'host-local', ranges: [[{ subnet: '10.1.2.0/24', rangeStart: '10.1.2.2', rangeEnd: '10.1.2.3' }]] },
});

/** Brings a world that is new to where the call that is to be killed begins. */
export type Start = (world: World) => Promise<unknown>;

/** Runs `work` in a world of its own that `start` has set up. */
export async function inWorld<T>(start: Start, work: (world: World) => Promise<T>): Promise<T> {
  const world = await createWorld();
  try {
    await start(world);
    return await work(world);
  } finally {
    await world.close();
  }
}

/** What a world looks like after `start`: the same each time, as names and MACs follow from the configuration. */
export function snapshotAfter(start: Start): Promise<Snapshot> {
  return inWorld(start, (world) => world.snapshot());
}

/** As many as there are processors to run the plugins on: worlds are apart from each other. */
const lanes = 2;

/** A call that is killed, and what is done and found thereafter. */
export interface Round {
  start: Start;
  type: string;
  call: CniCall;
  /** When absent the process that makes the call: the plugin, or its delegate. */
  victim?: 'caller' | 'plugin';
  look: (world: World, at: ChangingCall) => Promise<void>;
}

/**
 * Kills a call before its first change, its second, … until a run ends by itself, each time in a world of its own.
 * The calls are found by running, so that one which the plugin makes from tomorrow on is covered by itself. Returns those
 * at which it was killed.
 */
export async function killAtEveryCall(round: Round): Promise<ChangingCall[]> {
  const hit: ChangingCall[] = [];
  let next = 1;
  let over = false;
  const lane = async (): Promise<void> => {
    try {
      for (let index = next++; !over; index = next++) {
        const at = await killOnce(round, index);
        if (at === null) return;
        hit[index - 1] = at;
      }
    } finally {
      over = true;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return hit;
}

function killOnce({ start, type, call, victim = 'caller', look }: Round, index: number): Promise<ChangingCall | null> {
  return inWorld(start, async (world) => {
    const { at, code } = await cniKilledAt(world, type, call, index, { victim });
    if (at === null) return null;
    try {
      if (victim === 'plugin') expect(code, 'exit status').to.equal(137);
      await look(world, at);
      return at;
    } catch (error) {
      (error as Error).message = `killed at call ${index}, ${brief(at)}: ${(error as Error).message}`;
      throw error;
    }
  });
}

export const brief = ({ name, detail }: ChangingCall): string => `${name} ${detail}`;

/** The call about the pod that is killed, and one about another pod that is none of its business. */
export const ours = (config: Config, command = 'ADD'): CniCall => ({ command, config, netns: '/run/netns/pod' });
export const others = (config: Config, command = 'ADD'): CniCall => ({
  command,
  config,
  netns: '/run/netns/other',
  containerId: 'other',
});

/** A node on which nothing was attached since it booted. */
export const freshNode: Start = (world) => world.addPod('pod');

/** A node on which the network has a pod already. */
export const busyNode =
  (config: Config): Start =>
  async (world) => {
    await world.addPod('pod');
    await world.addPod('other');
    await succeed(world, 'bridge', others(config));
  };
