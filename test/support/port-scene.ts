import type { Config } from './network';
import type { Outside } from './outside';
import { serve } from './port-peer';
import { attach, type Chain, chainOn, type Mapped, type Mapping } from './portmapping';
import type { World } from './world';

/** The two families, by their index in every list of addresses here. */
export const families = ['IPv4', 'IPv6'] as const;

/** Where a packet comes from that has come by a router of the outside. */
export const faraway = ['203.0.113.7', '2001:db8:f::7'] as const;

/** Who may want to reach a pod's port. */
export interface Scene {
  outside: Outside;
  /** Pods "web", with the mappings, and "near", of one network; "other", of another, on a bridge of its own. */
  web: Mapped;
  near: Mapped;
  other: Mapped;
  /** The host's addresses on the bridges of `web` and `other`. */
  gateways: string[];
  otherGateways: string[];
}

/** The network of `web`, with further keys for portmap. */
export const webChain = (keys: Config = {}): Chain => chainOn('br-web', 'web', ['10.1.0.0/24', 'fd00:1::/64'], keys);

/** Attaches three pods, on bridges with further keys, and lets `web` answer on ports 80 and 81 of every protocol. */
export async function setScene(
  world: World,
  mappings: readonly (Mapping | object)[],
  keys: Config = {},
  ofBridges: Config = {},
): Promise<Scene> {
  const outside = await world.addOutside();
  await addFaraway(world, outside);
  const chain = webChain(keys);
  const otherChain = chainOn('br-other', 'other', ['10.2.0.0/24', 'fd00:2::/64']);
  for (const { bridge } of [chain, otherChain]) Object.assign(bridge, ofBridges);
  const web = await attach(world, { containerId: 'web', chain, mappings });
  const near = await attach(world, { containerId: 'near', chain, mappings: [] });
  const other = await attach(world, { containerId: 'other', chain: otherChain, mappings: [] });
  await serve(world, web.pod, 'web', [80, 81]);
  const gateways = ['10.1.0.1', 'fd00:1::1'];
  const otherGateways = ['10.2.0.1', 'fd00:2::1'];
  return { outside, web, near, other, gateways, otherGateways };
}

/** Puts {@link faraway} behind the outside's router. */
async function addFaraway(world: World, outside: Outside): Promise<void> {
  for (const [index, address] of faraway.entries()) {
    const length = [32, 128][index];
    await world.ip(`address add ${address}/${length} dev lo`, outside);
    await world.ip(`route add ${address}/${length} via ${outside.ips[index]}`);
  }
}
