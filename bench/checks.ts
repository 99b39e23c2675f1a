import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '../test/support/peers';
import type { World } from '../test/support/world';

/*
 * What must be true after each timed call: a fast plugin that does less would win otherwise. A broken expectation
 * ends the benchmark.
 */

/** Where pods are attached to. */
export interface Place {
  world: World;
  bridge: string;
  /** host-local's folder. */
  leases: string;
  ipMasq: boolean;
}

/** A pod's eth0, as an ADD says that it has made it. */
export interface Attachment {
  pod: Pod;
  containerId: string;
  /** Without prefix length. */
  ip: string;
  /** The name of its end on the bridge. */
  hostEnd: string;
  /** What the ADD has printed. */
  result: object;
}

// biome-ignore lint/suspicious/noExplicitAny: what `ip` and plugins print, looked into field by field
type Answer = any;

export function attachmentOf(pod: Pod, containerId: string, result: Answer): Attachment {
  const ip = addressOf(result);
  return { pod, containerId, ip, hostEnd: result.interfaces[1].name, result };
}

/** The first address of a result, without its prefix length. */
export const addressOf = (result: Answer): string => result.ips[0].address.replace(/\/.*/, '');

/** After ADDs: links, addresses, leases and the masquerading, and on the bridge no other port. */
export async function attached(place: Place, attachments: Attachment[]): Promise<void> {
  const { world, leases, ipMasq } = place;
  for (const { pod, ip, containerId } of attachments) {
    const [link] = await world.ip('address show dev eth0', pod);
    expect(link.flags.includes('UP'), `eth0 of ${pod.name} is up`);
    const addresses = link.addr_info.map(({ local }: Answer) => local);
    expect(addresses.includes(ip), `eth0 of ${pod.name} has ${ip}`);
    expect((await world.ip('route show default', pod)).length === 1, `${pod.name} has a default route`);
    leased(world, join(leases, ip), containerId);
  }
  const hostEnds = attachments.map(({ hostEnd }) => hostEnd);
  expect(isSame(await ports(place), hostEnds), 'the host ends are the ports of the bridge');
  const masqueraded = await masqueradedIn(world);
  for (const { ip } of attachments) expect(masqueraded.has(ip) === ipMasq, `${ip} is masqueraded if it should be`);
}

/** After DELs: nothing of the above. */
export async function detached(place: Place, attachments: Attachment[]): Promise<void> {
  const { world, leases } = place;
  const [ofBridge, masqueraded] = [await ports(place), await masqueradedIn(world)];
  for (const { pod, ip, hostEnd } of attachments) {
    const links = await world.ip('link show', pod);
    expect(
      isSame(
        links.map(({ ifname }) => ifname),
        ['lo'],
      ),
      `eth0 of ${pod.name} is gone`,
    );
    expect(!ofBridge.includes(hostEnd), `${hostEnd} is gone`);
    released(world, join(leases, ip));
    expect(!masqueraded.has(ip), `${ip} is no longer masqueraded`);
  }
}

/** The lease file of an allocated address names its holder. */
export function leased(world: World, path: string, containerId: string): void {
  expect(readFileSync(world.path(path), 'utf8') === `${containerId}\r\neth0`, `${path} names ${containerId}`);
}

export function released(world: World, path: string): void {
  expect(!existsSync(world.path(path)), `${path} is gone`);
}

async function ports({ world, bridge }: Place): Promise<string[]> {
  return (await world.ip(`link show master ${bridge}`)).map(({ ifname }) => ifname);
}

/** Both implementations show an address that they masquerade in the ruleset, one as an element, the other in a rule. */
async function masqueradedIn(world: World): Promise<Set<string>> {
  const { stdout } = await world.run('nft', ['list', 'ruleset']);
  return new Set(stdout.split(/[^\d.]+/));
}

const isSame = (some: string[], others: string[]): boolean => some.sort().join() === others.sort().join();

function expect(held: boolean, what: string): void {
  if (!held) throw new Error(`wrong state: not true that ${what}`);
}
