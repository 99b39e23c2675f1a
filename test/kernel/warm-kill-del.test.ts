import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { brief, busyNode, narrowNetwork, ours } from '../support/kill-rounds';
import { bookkeeping } from '../support/leftovers';
import { succeed } from '../support/network';
import type { Snapshot } from '../support/snapshot';
import { killWarmAtEveryCall, type Victim, type WarmRound } from '../support/warm-kill';
import { createWorld, type World } from '../support/world';

const config = narrowNetwork;
const ADD = ours(config);
const DEL = ours(config, 'DEL');

describe('DEL, while a daemon serves it and before each of its changes,', function () {
  this.timeout(300_000);

  let world: World;
  let detached: Snapshot;

  beforeEach(async () => {
    world = await createWorld();
    await busyNode(config)(world);
    await succeed(world, 'bridge', ADD);
    await succeed(world, 'bridge', DEL);
    detached = await world.snapshot();
    await succeed(world, 'bridge', ADD);
  });

  afterEach(() => world.close());

  async function expectDetached(): Promise<void> {
    expectUnchanged(detached, await world.snapshot(), { allow: bookkeeping });
  }

  async function everyKill(victim: Victim, look: WarmRound['look']): Promise<void> {
    const hit = await killWarmAtEveryCall(world, {
      type: 'bridge',
      call: DEL,
      victim,
      look: async (at, answer) => {
        await look(at, answer);
        await expectDetached();
        await succeed(world, 'bridge', ADD);
      },
    });
    const calls = hit.map(brief);
    expect(calls).to.include.members(['sendto RTM_DELLINK', 'sendto nftables batch', 'write frame 6']);
    expect(calls.length).to.be.above(8);
    await expectDetached();
  }

  it('if the daemon is killed, is served all the same', () =>
    everyKill('daemon', async (_, { code, stdout, stderr }) => {
      expect({ code, stdout, stderr }).to.deep.equal({ code: 0, stdout: '', stderr: '' });
    }));

  it('if the launcher is killed, is done to its end, once it was begun', () =>
    everyKill('launcher', async (at) => {
      if (brief(at) === 'write frame 2') await succeed(world, 'bridge', DEL);
    }));

  it('if both are killed, leaves nothing when a second DEL follows', () =>
    everyKill('both', async (_, { signal }) => {
      expect(signal).to.equal('SIGKILL');
      await succeed(world, 'bridge', DEL);
    }));
});
