import { join } from 'node:path';
import { compiled } from '../test/support/compile';

/** What floor.c is told: everything that a plugin has to find out or to decide. */
export interface FloorRequest {
  /** The path of the pod's namespace. */
  netns: string;
  /** The index of the bridge. */
  bridge: number;
  /** The index that both ends of the pair are given, each in its namespace, where it must be free. */
  index: number;
  mtu: number;
  host: { name: string; mac: string };
  pod: { name: string; mac: string };
  /** The pod's, "10.1.2.3". */
  address: string;
  prefixLength: number;
  gateway: string;
  /** The path of the lease, whose folder must be there. */
  lease: string;
  containerId: string;
}

/** The path of the compiled floor.c. */
export const floorProgram = (): Promise<string> =>
  // Optimised and static: what is measured against it should not look good because this starts slowly.
  compiled('floor', [join(__dirname, 'floor.c')], ['-O2', '-static']);

/** The command line of floor.c, the program excepted: its enum argument, in order. */
export function floorArguments(request: FloorRequest): string[] {
  const { netns, bridge, index, mtu, host, pod, address, prefixLength, gateway, lease, containerId } = request;
  const links = [bridge, index, mtu, host.name, host.mac, pod.name, pod.mac];
  return [netns, ...links, address, prefixLength, gateway, lease, containerId].map(String);
}
