import { existsSync } from 'node:fs';
import { run } from './run';
import type { World } from './world';

const settings = '/proc/sys/net/bridge/bridge-nf-call';
/** Where the VM of `make test-vm` has what loads modules. Any other machine's are not for tests to load. */
const busybox = '/run/vmrun/busybox';

/** Loads br_netfilter, if this is a machine of the tests' own. */
export async function loadBridgeFilter(): Promise<void> {
  if (existsSync(busybox)) await run(busybox, ['modprobe', 'br_netfilter']);
}

/** Takes back what {@link loadBridgeFilter} did, once its worlds are gone. */
export async function unloadBridgeFilter(): Promise<void> {
  if (existsSync(busybox)) await run(busybox, ['rmmod', 'br_netfilter']);
}

/** Whether frames on a world's bridges pass through iptables. False where the kernel cannot do as it is told. */
export async function filterBridges(world: World, on: boolean): Promise<boolean> {
  if (!existsSync(`${settings}-iptables`)) return !on;
  const set = ['iptables', 'ip6tables'].map((name) => `echo ${on ? 1 : 0} >${settings}-${name}`);
  return (await world.run('sh', ['-ec', set.join('\n')])).code === 0;
}
