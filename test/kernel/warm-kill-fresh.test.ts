import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { startHeldDaemon } from '../support/held-daemon';
import { brief, freshNode, inWorld, ours, snapshotAfter } from '../support/kill-rounds';
import { sharedObjects } from '../support/leftovers';
import { bridgeNetwork, ipsOf, succeed } from '../support/network';
import { killWarm } from '../support/warm-kill';

const config = bridgeNetwork({ cniVersion: '1.1.0', ipMasq: true });
const ADD = ours(config);

/** Each needs a world of its own, where there is no bridge yet; so not each call is one to kill at, but each kind is. */
const step = 3;

describe('ADD, while a daemon serves it on a fresh node and before each third of its changes,', function () {
  this.timeout(600_000);

  it('if the daemon is killed or both are, attaches the pod or leaves nothing after DEL, by turns', async () => {
    const untouched = await snapshotAfter(freshNode);
    const hit: string[] = [];
    const kill = (victim: 'daemon' | 'both') =>
      inWorld(freshNode, async (world) => {
        const daemon = await startHeldDaemon(world, 1 + step * hit.length);
        const at = await killWarm(daemon, {
          type: 'bridge',
          call: ADD,
          victim,
          look: async (_, { code, json }) => {
            if (victim === 'daemon') {
              expect(code).to.equal(0);
              for (const ip of ipsOf(json)) expect(await world.ping('host', ip), `answer from ${ip}`).to.equal(true);
            }
            await succeed(world, 'bridge', { ...ADD, command: 'DEL' });
            expectUnchanged(untouched, await world.snapshot(), { allow: sharedObjects('br0') });
          },
        });
        if (at !== null) hit.push(brief(at));
        return at !== null;
      });
    while (await kill(hit.length % 2 === 0 ? 'daemon' : 'both'));
    expect(hit.length, hit.join(', ')).to.be.above(15);
    expect(hit.some((call) => call.includes('/br0/'))).to.equal(true);
  });
});
