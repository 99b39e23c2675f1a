import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Daemon, LogLine } from './daemon';
import { type Config, succeed } from './network';
import type { CniAnswer, CniCall } from './plugins';
import type { World } from './world';

/** What a daemon has logged of the latest ADD of this container's interface. */
async function logOf(daemon: Daemon, { containerId = 'test', ifname = 'eth0' }: CniCall): Promise<LogLine> {
  const requests = await loggedRequests(daemon);
  const line = requests.findLast((it) => it.command === 'ADD' && it.container === containerId && it.ifname === ifname);
  if (line === undefined) throw new Error(`no ADD of ${containerId}`);
  return line;
}

/** The lines about requests, those included that have just been answered: they are written, and read, a moment later. */
async function loggedRequests(daemon: Daemon): Promise<LogLine[]> {
  // Asked how it does, it counts what it still has to.
  const { requests } = await daemon.report();
  const wanted = requests.reduce((sum, { count }) => sum + count, 0);
  for (;;) {
    const lines = daemon.log.filter(({ msg }) => msg === 'request');
    if (lines.length >= wanted) return lines;
    await sleep(2);
  }
}

/** Has a pod come, and go and come again until its ADD is done by a recipe: one is made in each of the node's states. */
export async function addByRecipe(world: World, daemon: Daemon, call: CniCall): Promise<CniAnswer> {
  for (let tries = 0; tries < 20; tries++) {
    const answer = await world.cni('bridge', call);
    expect(answer.code, answer.stdout).to.equal(0);
    if ((await logOf(daemon, call)).recipe === 'followed') return answer;
    await succeed(world, 'bridge', { ...call, command: 'DEL' });
  }
  throw new Error(`no recipe: ${JSON.stringify(daemon.log)}`);
}

/** As {@link addByRecipe}, and the pod goes. */
export async function untilFollowed(world: World, daemon: Daemon, call: CniCall): Promise<void> {
  await addByRecipe(world, daemon, call);
  await succeed(world, 'bridge', { ...call, command: 'DEL' });
}

/** Waits until the bridge has looked at its own address, which takes a second once it has a port. */
export async function addressed(world: World): Promise<void> {
  for (;;) {
    const [{ addr_info }] = await world.ip('address show dev br0');
    // biome-ignore lint/suspicious/noExplicitAny: ip's own shape
    if (addr_info.some(({ scope, tentative }: any) => scope === 'link' && !tentative)) return;
    await sleep(20);
  }
}

/** An ADD of a pod that is made for it. */
export async function podCall(
  world: World,
  containerId: string,
  config: Config,
  more: Partial<CniCall> = {},
): Promise<CniCall> {
  return { containerId, netns: await world.addPod(containerId), config, ...more };
}

/** What became of the recipe for the latest ADD: "followed", over what it was given up; undefined where there was none. */
export async function recipeFor(daemon: Daemon, call: CniCall): Promise<string | undefined> {
  return (await logOf(daemon, call)).recipe;
}
