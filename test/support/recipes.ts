import { setTimeout as sleep } from 'node:timers/promises';
import type { Daemon, LogLine } from './daemon';
import { succeed } from './network';
import type { CniCall } from './plugins';
import type { World } from './world';

/** What a daemon has logged of the latest ADD of this container's interface. */
export async function logOf(daemon: Daemon, { containerId = 'test', ifname = 'eth0' }: CniCall): Promise<LogLine> {
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

/** Has a pod come and go until the daemon does its ADD by a recipe: after an ADD in each of the node's states. */
export async function untilFollowed(world: World, daemon: Daemon, call: CniCall): Promise<void> {
  for (let tries = 0; tries < 10; tries++) {
    await succeed(world, 'bridge', call);
    await succeed(world, 'bridge', { ...call, command: 'DEL' });
    if ((await logOf(daemon, call)).recipe === 'followed') return;
  }
  throw new Error(`no recipe: ${JSON.stringify(daemon.log)}`);
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
