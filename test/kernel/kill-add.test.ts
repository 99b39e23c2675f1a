import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import type { ChangingCall } from '../support/kill-at';
import { brief, busyNode, freshNode, killAtEveryCall, ours, type Start, snapshotAfter } from '../support/kill-rounds';
import { bookkeeping, sharedObjects } from '../support/leftovers';
import { bridgeNetwork, ipsOf, refusal, succeed } from '../support/network';
import type { CniCall } from '../support/plugins';
import type { Snapshot } from '../support/snapshot';
import type { World } from '../support/world';

const config = bridgeNetwork({ cniVersion: '1.1.0', ipMasq: true });
const ADD = ours(config);
const DEL = ours(config, 'DEL');
const GC = {
  command: 'GC',
  config: { ...config, 'cni.dev/valid-attachments': [{ containerID: 'other', ifname: 'eth0' }] },
};

/** With a record DEL needs no more than this: the configuration may have changed since ADD. */
const POOR_DEL = ours({ cniVersion: '1.1.0', name: 'net', type: 'bridge' }, 'DEL');

interface Node {
  name: string;
  start: Start;
  /** There are more changes than this. */
  least: number;
  del: CniCall;
  allow: RegExp[];
}
const nodes: Node[] = [
  { name: 'on a fresh node', start: freshNode, least: 50, del: DEL, allow: sharedObjects('br0') },
  { name: 'beside another pod', start: busyNode(config), least: 30, del: POOR_DEL, allow: bookkeeping },
];

/** Nothing is left to do by then but to tell the runtime. */
const isCompleted = ({ detail }: ChangingCall): boolean => detail === 'standard output';

async function expectSecondAdd(world: World, at: ChangingCall): Promise<void> {
  if (isCompleted(at)) {
    expect(await refusal(world, 'bridge', ADD)).to.include({ code: 100 });
    return;
  }
  for (const ip of ipsOf(await succeed(world, 'bridge', ADD))) {
    expect(await world.ping('host', ip), `answer from ${ip}`).to.equal(true);
  }
}

for (const { name, start, least, del, allow } of nodes) {
  describe(`ADD, killed before each of its changes ${name}`, function () {
    this.timeout(600_000);

    let untouched: Snapshot;

    before(async () => {
      untouched = await snapshotAfter(start);
    });

    it(`leaves nothing when DEL ${del === DEL ? '' : 'with another configuration '}follows`, async () => {
      const hit = await killAtEveryCall({
        start,
        type: 'bridge',
        call: ADD,
        look: async (world) => {
          await succeed(world, 'bridge', del);
          expectUnchanged(untouched, await world.snapshot(), { allow });
        },
      });
      expect(hit.length).to.be.above(least);
      expect(hit.map(brief)).to.include.members(['sendto RTM_NEWLINK', 'sendto nftables batch']);
      expect(hit.filter(isCompleted)).to.deep.equal(hit.slice(-1));
    });

    it('leaves nothing when GC follows', async () => {
      await killAtEveryCall({
        start,
        type: 'bridge',
        call: ADD,
        look: async (world) => {
          await succeed(world, 'bridge', GC);
          expectUnchanged(untouched, await world.snapshot(), { allow });
        },
      });
    });

    it('is repaired by a second ADD, unless it was completed, and leaves what it would have left by itself', async () => {
      const settled = await snapshotAfter(async (world) => {
        await start(world);
        await succeed(world, 'bridge', ADD);
        await succeed(world, 'bridge', DEL);
      });
      await killAtEveryCall({
        start,
        type: 'bridge',
        call: ADD,
        look: async (world, at) => {
          await expectSecondAdd(world, at);
          await succeed(world, 'bridge', DEL);
          expectUnchanged(settled, await world.snapshot(), { allow: bookkeeping });
        },
      });
    });
  });
}
