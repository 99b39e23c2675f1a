import { mkdirSync } from 'node:fs';
import type { Pod } from '../test/support/peers';
import { type Attachment, attachmentOf, type Place } from './checks';
import { type Contender, pluginCall } from './contenders';
import { floorArguments, floorProgram } from './floor';
import type { Program } from './timer';

/** A bridge that pods are attached to by one of the contenders. */
export interface Network {
  place: Place;
  add(pod: Pod, containerId: string): Program;
  /** What such an ADD has made. */
  made(pod: Pod, containerId: string, output: string): Attachment;
}

/** One whose attachments the contender itself can undo. */
export interface PluginNetwork extends Network {
  del(attachment: Attachment): Program;
}

export interface NetworkOptions {
  name: string;
  /** The second byte of its addresses. */
  octet: number;
  ipMasq: boolean;
}

/** By the bridge plugin with host-local, the bridge being the pods' gateway. */
export function pluginNetwork(
  contender: Pick<Contender, 'name' | 'world'>,
  { name, octet, ipMasq }: NetworkOptions,
): PluginNetwork {
  const config = {
    cniVersion: '1.0.0',
    name,
    type: 'bridge',
    bridge: `bench${octet}`,
    isGateway: true,
    ipMasq,
    ipam: { type: 'host-local', ranges: [[{ subnet: `10.${octet}.0.0/16` }]], routes: [{ dst: '0.0.0.0/0' }] },
  };
  return {
    place: { world: contender.world, bridge: config.bridge, leases: `/var/lib/cni/networks/${name}`, ipMasq },
    add: (netns, containerId) => pluginCall(contender, 'bridge', { netns, containerId, config }),
    made: (pod, containerId, output) => attachmentOf(pod, containerId, JSON.parse(output)),
    del: ({ pod: netns, containerId, result: prevResult }) =>
      pluginCall(contender, 'bridge', { command: 'DEL', netns, containerId, config: { ...config, prevResult } }),
  };
}

/** By the floor, on a bridge that is there already. Each ADD has the same address, so there is one at a time. */
export async function floorNetwork({ world }: Contender): Promise<Network> {
  const [bridge, leases, ip] = ['bench', '/var/lib/cni/networks/bench', '10.100.0.2'];
  await world.ip(`link add ${bridge} up type bridge`);
  await world.ip(`address add 10.100.0.1/16 dev ${bridge}`);
  mkdirSync(world.path(leases), { recursive: true });
  const [{ ifindex }] = await world.ip(`link show ${bridge}`);
  const program = await floorProgram();
  const request = {
    bridge: ifindex,
    index: 1_000_000,
    mtu: 1500,
    host: { name: 'veth0', mac: '0a:00:00:00:00:01' },
    pod: { name: 'eth0', mac: '0a:00:00:00:00:02' },
    address: ip,
    prefixLength: 16,
    gateway: '10.100.0.1',
    lease: `${leases}/${ip}`,
  };
  return {
    place: { world, bridge, leases, ipMasq: false },
    add: ({ path: netns }, containerId) => ({
      args: [program, ...floorArguments({ ...request, netns, containerId })],
      env: {},
      input: '',
    }),
    made: (pod, containerId) => ({ pod, containerId, ip, hostEnd: request.host.name, result: {} }),
  };
}
