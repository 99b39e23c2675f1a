import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '../test/support/peers';
import type { World } from '../test/support/world';

/*
 * What must be true after each timed call: a fast plugin that does less would win otherwise. A broken expectation
 * ends the benchmark.
 */

/** Where one case works. */
export interface Place {
  world: World;
  pod: Pod;
  bridge: string;
  /** host-local's folder. */
  leases: string;
  ipMasq: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: a plugin's answer, looked into field by field
type Answer = any;

/** After an ADD: the link, its address, its port on the bridge, the lease and the masquerading. Returns the address. */
export async function attached(place: Place, result: Answer, containerId: string): Promise<string> {
  const { world, pod, bridge, leases } = place;
  const ip = withoutPrefix(result.ips[0].address);
  const [link] = await world.ip('address show dev eth0', pod);
  expect(link.flags.includes('UP'), 'eth0 is up');
  expect(
    link.addr_info.some(({ local }: Answer) => local === ip),
    `eth0 has ${ip}`,
  );
  const ports = (await world.ip(`link show master ${bridge}`)).map(({ ifname }) => ifname);
  expect(ports.length === 1 && ports[0] === result.interfaces[1].name, 'the host end is the only port of the bridge');
  expect((await world.ip('route show default', pod)).length === 1, 'the pod has a default route');
  leased(world, leases, result, containerId);
  expect((await masqueraded(world, ip)) === place.ipMasq, `${ip} is masqueraded if it should be`);
  return ip;
}

/** After a DEL: nothing of the above. */
export async function detached({ world, pod, bridge, leases }: Place, ip: string): Promise<void> {
  const links = await world.ip('link show', pod);
  expect(
    links.every(({ ifname }) => ifname === 'lo'),
    'eth0 is gone',
  );
  expect((await world.ip(`link show master ${bridge}`)).length === 0, 'the bridge has no port');
  released(world, join(leases, ip));
  expect(!(await masqueraded(world, ip)), `${ip} is no longer masqueraded`);
}

/** The lease file of an allocated address names its holder. Returns its path. */
export function leased(world: World, folder: string, result: Answer, containerId: string): string {
  const path = join(folder, withoutPrefix(result.ips[0].address));
  expect(readFileSync(world.path(path), 'utf8') === `${containerId}\r\neth0`, `${path} names ${containerId}`);
  return path;
}

export function released(world: World, lease: string): void {
  expect(!existsSync(world.path(lease)), `${lease} is gone`);
}

/** Both implementations show an address that they masquerade in the ruleset, one as an element, the other in a rule. */
async function masqueraded(world: World, ip: string): Promise<boolean> {
  const { stdout } = await world.run('nft', ['list', 'ruleset']);
  return stdout.split(/[^\d.]+/).includes(ip);
}

function withoutPrefix(address: string): string {
  return address.replace(/\/.*/, '');
}

function expect(held: boolean, what: string): void {
  if (!held) {
    throw new Error(`wrong state: not true that ${what}`);
  }
}
