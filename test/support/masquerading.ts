import { bridgeNetwork, type Config, hostLocal } from './network';
import type { EchoPeer, Place } from './peers';
import type { World } from './world';

/** The table that pods are masqueraded by, as `nft` names it. */
export const table = 'inet trestle_masquerade';

/** A machine under load answers late. Milliseconds. */
const patience = { timeoutMs: 10_000 };

/** {@link bridgeNetwork} with ipMasq; `changes` replace its keys. */
export function masqueraded(changes: Config = {}): Config {
  return bridgeNetwork({ ipMasq: true, ...changes });
}

/** A masqueraded network of its own on a bridge of its own, an address of each subnet for each pod. */
export function networkOn(bridge: string, name: string, ...subnets: string[]): Config {
  return masqueraded({ name, bridge, ipam: hostLocal(...subnets.map((subnet) => [{ subnet }])) });
}

/** The address that the peer sees `place` come from, by TCP and by UDP alike; "none" where no answer comes. */
export async function sourceOf(world: World, place: Place, peer: EchoPeer): Promise<string> {
  const seen = await Promise.all(
    (['tcp', 'udp'] as const).map((protocol) => world.sourceSeenBy(peer, place, { protocol, ...patience })),
  );
  return [...new Set(seen)].map((source) => source ?? 'none').join(' and ');
}

/** What `nft list table` prints of it; "" when there is none. */
export async function listing(world: World): Promise<string> {
  const { code, stdout } = await world.run('nft', ['list', 'table', ...table.split(' ')]);
  return code === 0 ? stdout : '';
}

/** Runs nft, which must succeed, with commands on its standard input. */
export async function nft(world: World, commands: string): Promise<string> {
  const { code, stdout, stderr } = await world.run('nft', ['-f', '-'], { input: commands });
  if (code !== 0) throw new Error(`nft: ${stderr}`);
  return stdout;
}

/** How many sets and rules the table has, and its elements, sorted: "10.1.2.3 container eth0". */
export async function contents(world: World): Promise<{ sets: number; rules: number; elements: string[] }> {
  const { code, stdout } = await world.run('nft', ['-j', 'list', 'table', ...table.split(' ')]);
  // biome-ignore lint/suspicious/noExplicitAny: nft's own shape
  const objects: any[] = code === 0 ? JSON.parse(stdout).nftables : [];
  const sets = objects.flatMap(({ set }) => set ?? []);
  return {
    sets: sets.length,
    rules: objects.filter(({ rule }) => rule).length,
    elements: sets
      .flatMap(({ elem = [] }) => elem)
      // biome-ignore lint/suspicious/noExplicitAny: nft's own shape
      .map((element: any) => (element.elem ? `${element.elem.val} ${element.elem.comment}` : element))
      .sort(),
  };
}
