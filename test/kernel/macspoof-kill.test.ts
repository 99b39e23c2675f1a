import { expect } from 'chai';
import { hostEndName } from '../../lib/plugin/identity';
import { expectUnchanged } from '../support/expect-unchanged';
import { guarded, guards } from '../support/guarding';
import { brief, busyNode, killAtEveryCall, ours, type Start, snapshotAfter } from '../support/kill-rounds';
import { bookkeeping } from '../support/leftovers';
import { succeed } from '../support/network';
import type { Snapshot } from '../support/snapshot';
import type { World } from '../support/world';

const mac = 'c2:11:22:33:44:55';
const config = guarded({ runtimeConfig: { mac } });
const hostEnd = hostEndName({ network: 'net', containerId: 'test', ifname: 'eth0' });
const detachedNode = busyNode(guarded());
const attachedNode: Start = async (world) => {
  await detachedNode(world);
  await succeed(world, 'bridge', ours(config));
};

describe('With macspoofchk, killed before each of its changes,', function () {
  this.timeout(120_000);

  let detached: Snapshot;

  before(async () => {
    detached = await snapshotAfter(detachedNode);
  });

  for (const [command, start] of [
    ['ADD', detachedNode],
    ['DEL', attachedNode],
  ] as const)
    it(`${command} leaves no link without its guard, and a DEL leaves nothing`, async () => {
      let unlinked = 0;
      const look = async (world: World) => {
        const links = (await world.ip('link show type veth')).map(({ ifname }) => ifname);
        const { guarded: names, allowed } = await guards(world);
        if (links.includes(hostEnd)) {
          expect(names).to.include(`${hostEnd} test eth0`);
          expect(allowed).to.include(`${hostEnd} . ${mac} test eth0`);
        } else if (names.includes(`${hostEnd} test eth0`)) unlinked++;
        await succeed(world, 'bridge', ours(config, 'DEL'));
        expectUnchanged(detached, await world.snapshot(), { allow: bookkeeping });
      };
      const hit = await killAtEveryCall({ start, type: 'bridge', call: ours(config, command), look });
      expect(hit.map(brief)).to.include('sendto nftables batch');
      // The guard is there before the link, and after it.
      expect(unlinked).to.be.above(0);
    });
});
