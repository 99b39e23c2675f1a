import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from '../test/support/world';
import type { Case } from './cases';
import { addressOf, leased, released } from './checks';
import { type Contender, pluginCall } from './contenders';

/** The leases that are there already. */
export const LEASES = [0, 1_000, 50_000];

/** An address is given and taken back, by host-local alone. */
export function hostLocal(contender: Contender, leases: number): Case {
  const { world, name: whose } = contender;
  const name = `bench-${leases}`;
  const folder = `/var/lib/cni/networks/${name}`;
  const config = { cniVersion: '1.0.0', name, ipam: { type: 'host-local', ranges: [[{ subnet: '10.64.0.0/14' }]] } };
  const measure = async (round: number) => {
    const containerId = `bench-${round}`;
    const call = { netns: '/run/netns/unused', containerId, config };
    const added = await contender.run([pluginCall(contender, 'host-local', call)]);
    const lease = join(folder, addressOf(JSON.parse(added.together[0]?.output ?? '')));
    leased(world, lease, containerId);
    const deleted = await contender.run([pluginCall(contender, 'host-local', { ...call, command: 'DEL' })]);
    released(world, lease);
    return { ADD: [added.ms], DEL: [deleted.ms] };
  };
  return {
    name: `host-local, ${leases.toLocaleString('en')} leases`,
    contender: whose,
    // The reference reads every lease at each call.
    every: whose === 'reference' && leases >= 10_000 ? 6 : 1,
    prepare: () => fillLeases(world, folder, leases),
    measure,
  };
}

/** Leases of other containers, as either implementation writes them: `<id>\r\n<ifname>`, in a file named by the address. */
function fillLeases(world: World, directory: string, count: number): void {
  const folder = world.path(directory);
  mkdirSync(folder, { recursive: true });
  for (let i = 0; i < count; i++) {
    writeFileSync(join(folder, address(i)), `container-${i}\r\neth0`);
  }
  if (count > 0) {
    writeFileSync(join(folder, 'last_reserved_ip.0'), address(count - 1));
  }
}

/** The usable addresses of 10.64.0.0/14 in order, its gateway left out: 10.64.0.2 first. */
function address(index: number): string {
  const host = index + 2;
  return `10.${64 + (host >> 16)}.${(host >> 8) & 0xff}.${host & 0xff}`;
}
