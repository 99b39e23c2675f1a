import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { daemonSocket, logged, startDaemon } from '../support/daemon';
import { expectUnchanged } from '../support/expect-unchanged';
import { startCni } from '../support/held-daemon';
import { cniHeldAt } from '../support/kill-at';
import { ours } from '../support/kill-rounds';
import { bookkeeping, sharedObjects } from '../support/leftovers';
import { bridgeNetwork, ipsOf, succeed } from '../support/network';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork({ ipMasq: true });
const many = 16;

describe('A daemon that is told to end', function () {
  this.timeout(60_000);

  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  it(`while it serves ${many} ADDs answers all of them, ends with 0, and takes its socket with it`, async () => {
    const daemon = await startDaemon(world.keeper, world.plugins);
    const pods = [];
    while (pods.length < many) pods.push(await world.addPod());
    const adds = pods.map((netns, index) => startCni(world, 'bridge', { netns, containerId: `c${index}`, config }));
    while ((await daemon.report()).claimed === 0) await sleep(1);
    const end = daemon.end();
    const answers = await Promise.all(adds.map(({ ended }) => ended));
    expect(answers.map(({ code }) => code)).to.deep.equal(answers.map(() => 0));
    expect(await end).to.deep.equal({ code: 0, signal: null, stderr: '' });
    expect(existsSync(world.path(daemonSocket))).to.equal(false);
    const served = daemon.log.filter(({ msg, outcome }) => msg === 'request' && outcome === 'done');
    expect(served.length).to.be.above(0);
    for (const { json } of answers) expect(await world.ping('host', ipsOf(json)[0] as string), 'ping').to.equal(true);
  });

  it('finishes no ADD whose launcher was killed while it waited, and leaves nothing of it', async () => {
    await world.addPod('pod');
    const before = await world.snapshot();
    // A process of before the daemon has the attachment's lock, and has got as far as its lease.
    const held = await cniHeldAt(world, 'bridge', ours(config), 20);
    const daemon = await startDaemon(world.keeper, world.plugins);
    const waiting = startCni(world, 'bridge', ours(config));
    while ((await daemon.report()).running === 0) await sleep(1);
    process.kill(waiting.pid, 'SIGKILL');
    await waiting.ended;
    await held.kill();
    await logged(daemon, ({ msg, command }) => msg === 'request' && command === 'ADD');
    expectUnchanged(before, await world.snapshot(), { allow: [...bookkeeping, ...sharedObjects('br0')] });
    expect((await daemon.report()).failures.map(({ code }) => code)).to.deep.equal([11]);
    await succeed(world, 'bridge', ours(config));
    expect((await daemon.end()).code).to.equal(0);
  });
});
