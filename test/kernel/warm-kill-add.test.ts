import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import type { ChangingCall } from '../support/kill-at';
import { brief, busyNode, narrowNetwork, ours } from '../support/kill-rounds';
import { bookkeeping } from '../support/leftovers';
import { ipsOf, succeed } from '../support/network';
import { addressed, untilFollowed } from '../support/recipes';
import type { Snapshot } from '../support/snapshot';
import { killWarmAtEveryCall, type Victim, type WarmRound } from '../support/warm-kill';
import { createWorld, type World } from '../support/world';

const config = narrowNetwork;
const ADD = ours(config);
const DEL = ours(config, 'DEL');
const GC = {
  command: 'GC',
  config: { ...config, 'cni.dev/valid-attachments': [{ containerID: 'other', ifname: 'eth0' }] },
};

/** Has the daemon know a recipe, and sees that it was followed. */
const byRecipe = (world: World): Pick<WarmRound, 'before' | 'undisturbed'> => ({
  before: (daemon) => untilFollowed(world, daemon, ADD),
  undisturbed: async ({ log }) => {
    const latest = () => log.findLast(({ msg }) => msg === 'request');
    // Not asked for: whatever the daemon says may be what it is to stand still before.
    while (latest()?.command !== 'ADD') await sleep(2);
    expect(latest()).to.include({ recipe: 'followed' });
  },
});

const ways: Record<string, (world: World) => Pick<WarmRound, 'before' | 'undisturbed'>> = {
  'serves it': () => ({}),
  'follows a recipe': byRecipe,
};

for (const [what, way] of Object.entries(ways)) {
  describe(`ADD, while a daemon ${what} and before each of its changes,`, function () {
    this.timeout(600_000);

    let world: World;
    let attached: Snapshot;
    let detached: Snapshot;

    beforeEach(async () => {
      world = await createWorld();
      await busyNode(config)(world);
      await addressed(world);
      await succeed(world, 'bridge', ADD);
      attached = await world.snapshot();
      await succeed(world, 'bridge', DEL);
      detached = await world.snapshot();
    });

    afterEach(() => world.close());

    const expectState = async (expected: Snapshot) =>
      expectUnchanged(expected, await world.snapshot(), { allow: bookkeeping });
    const everyKill = (victim: Victim, look: WarmRound['look']) =>
      killWarmAtEveryCall(world, { type: 'bridge', call: ADD, victim, look, ...way(world) });

    function expectAllCalls(hit: ChangingCall[]): void {
      const calls = hit.map(brief);

      expect(calls).to.include.members(['sendto RTM_NEWLINK', 'sendto nftables batch']);
      // Claimed, and answered.
      expect([calls[0], calls.at(-1)]).to.deep.equal(['write frame 2', 'write frame 6']);
      expect(calls.length).to.be.above(20);
    }

    it('if the daemon is killed, is served all the same: the pod is as it should be', async () => {
      const hit = await everyKill('daemon', async (_, { code, stdout, stderr, json }) => {
        expect({ code, stderr }, stdout).to.deep.equal({ code: 0, stderr: '' });
        await expectState(attached);
        expect(await world.ping('host', ipsOf(json)[0] as string), 'ping').to.equal(true);
        // Had anything been leaked, the next round would find no address.
        await succeed(world, 'bridge', DEL);
      });
      expectAllCalls(hit);
      await succeed(world, 'bridge', DEL);
      await expectState(detached);
    });

    it('if the launcher is killed, is taken back by itself, unless it was complete', async () => {
      const kept: string[] = [];
      const hit = await everyKill('launcher', async (at) => {
        const isKept = (await world.snapshot()).namespaces.pod?.links.eth0 !== undefined;
        if (isKept) kept.push(brief(at));
        await expectState(isKept ? attached : detached);
        await succeed(world, 'bridge', DEL);
        await expectState(detached);
      });
      expectAllCalls(hit);
      // From the last writing of its record on nobody asks any more whether the caller is still there.
      expect(kept).to.deep.equal(hit.slice(-2).map(brief));
      expect(kept[0]).to.match(/^write .*bridge\.json$/);
    });

    it('if both are killed, leaves nothing after DEL, after GC, or after a second ADD and its DEL', async () => {
      let round = 0;
      const repairs = [
        () => succeed(world, 'bridge', DEL),
        () => succeed(world, 'bridge', GC),
        async () => {
          const { code, json } = await world.cni('bridge', ADD);
          // Complete, and told to nobody.
          if (code !== 0) expect(json).to.include({ code: 100 });
          await expectState(attached);
          await succeed(world, 'bridge', DEL);
        },
      ];
      const hit = await everyKill('both', async (_, { signal }) => {
        expect(signal).to.equal('SIGKILL');
        await repairs[round++ % repairs.length]?.();
        await expectState(detached);
      });
      expectAllCalls(hit);
    });
  });
}
