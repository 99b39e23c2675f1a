import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import type { ChangingCall } from '../support/kill-at';
import { brief, busyNode, killAtEveryCall, narrowNetwork, ours, snapshotAfter } from '../support/kill-rounds';
import { bookkeeping } from '../support/leftovers';
import { ipsOf, succeed } from '../support/network';
import type { Snapshot } from '../support/snapshot';
import type { World } from '../support/world';

const config = narrowNetwork;
const ADD = ours(config);
const DEL = ours(config, 'DEL');
const NEXT = { config, containerId: 'next', netns: '/run/netns/next' };

async function detachedNode(world: World): Promise<void> {
  await busyNode(config)(world);
  await world.addPod('next');
}

async function attachedNode(world: World): Promise<void> {
  await detachedNode(world);
  await succeed(world, 'bridge', ADD);
}

async function nextNode(world: World): Promise<void> {
  await detachedNode(world);
  await succeed(world, 'bridge', NEXT);
}

describe('DEL, killed before each of its changes', function () {
  this.timeout(120_000);

  let detached: Snapshot;
  let attached: Snapshot;
  const everyKill = (look: (world: World, at: ChangingCall) => Promise<void>) =>
    killAtEveryCall({ start: attachedNode, type: 'bridge', call: DEL, look });
  const expectState = async (world: World, expected: Snapshot, allow: RegExp[] = []) =>
    expectUnchanged(expected, await world.snapshot(), { allow: [...bookkeeping, ...allow] });

  before(async () => {
    detached = await snapshotAfter(detachedNode);
    attached = await snapshotAfter(attachedNode);
  });

  it('leaves nothing when a second DEL follows', async () => {
    const hit = await everyKill(async (world) => {
      await succeed(world, 'bridge', DEL);
      await expectState(world, detached);
    });
    expect(hit.length).to.be.above(8);
    expect(hit.map(brief)).to.include.members(['sendto nftables batch', 'sendto RTM_DELLINK']);
  });

  it('leaves nothing when the pod goes away and a second DEL follows', async () => {
    await everyKill(async (world) => {
      await world.ip('netns delete pod');
      await succeed(world, 'bridge', DEL);
      await world.addPod('pod');
      await expectState(world, detached);
    });
  });

  it('leaves a whole attachment, or none that would stand in the way of an ADD of the same names', async () => {
    await everyKill(async (world) => {
      const { code, json } = await world.cni('bridge', ADD);
      if (code === 0) {
        expect(await world.ping('host', ipsOf(json)[0] as string), 'ping').to.equal(true);
      } else {
        expect(json).to.include({ code: 100 });
        await expectState(world, attached, [/^files \/run\/trestle\/attachments\/[a-z2-7]+\.bridge\.json\.tmp: /]);
      }
      await succeed(world, 'bridge', DEL);
      await expectState(world, detached);
    });
  });

  it('takes nothing, when repeated, from the pod that has got the address meanwhile', async () => {
    const withNext = await snapshotAfter(nextNode);
    let taken = 0;
    await everyKill(async (world) => {
      const { code } = await world.cni('bridge', NEXT);
      await succeed(world, 'bridge', DEL);
      await expectState(world, code === 0 ? withNext : detached);
      taken += code === 0 ? 1 : 0;
    });
    expect(taken).to.be.above(2);
  });
});
