import { expect } from 'chai';
import { none, partsOf, whole } from '../support/attachment-parts';
import { expectUnchanged } from '../support/expect-unchanged';
import { brief, inWorld, killAtEveryCall } from '../support/kill-rounds';
import { bookkeeping } from '../support/leftovers';
import { bridgeNetwork, succeed } from '../support/network';
import type { Snapshot } from '../support/snapshot';
import type { World } from '../support/world';

const config = bridgeNetwork({ cniVersion: '1.1.0', ipMasq: true });
const GC = {
  command: 'GC',
  config: { ...config, 'cni.dev/valid-attachments': [{ containerID: 'valid', ifname: 'eth0' }] },
};

async function attach(world: World, containerId: string): Promise<object> {
  const netns = await world.addPod(containerId);
  return succeed(world, 'bridge', { netns, containerId, config });
}

describe('SIGKILL of a GC at any call', function () {
  this.timeout(120_000);

  let collected: Snapshot;
  const start = async (world: World) => {
    await attach(world, 'valid');
    await attach(world, 'stale');
  };

  before(async () => {
    collected = await inWorld(start, async (world) => {
      await succeed(world, 'bridge', GC);
      return world.snapshot();
    });
  });

  it('leaves what is valid whole, and what is not to the next GC', async () => {
    expect(partsOf(collected, 'valid')).to.deep.equal(whole);
    expect(partsOf(collected, 'stale')).to.deep.equal(none);
    const hit = await killAtEveryCall({
      start,
      type: 'bridge',
      call: GC,
      look: async (world) => {
        expect(partsOf(await world.snapshot(), 'valid')).to.deep.equal(whole);
        await succeed(world, 'bridge', GC);
        // A record that was read before the ADD's clock... is the same but for its time.
        expectUnchanged(collected, await world.snapshot(), { allow: bookkeeping });
      },
    });
    expect(hit.map(brief)).to.include.members(['sendto RTM_DELLINK']);
  });
});
