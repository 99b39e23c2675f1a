import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { type ChangingCall, cniHeldAt, cniKilledAt, type HeldRun } from '../support/kill-at';
import { brief, busyNode, freshNode, inWorld, ours, snapshotAfter } from '../support/kill-rounds';
import { bookkeeping } from '../support/leftovers';
import { bridgeNetwork, globalAddresses, hostLocal, ipsOf, refusal, succeed } from '../support/network';
import type { Snapshot } from '../support/snapshot';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork({ cniVersion: '1.1.0', ipMasq: true });
const ADD = ours(config);
const DEL = ours(config, 'DEL');
const start = busyNode(config);

/** Longer than a call takes that need not wait, on a machine that is busy. */
const aWhileMs = 500;

describe('An ADD that stands still', function () {
  this.timeout(60_000);

  let world: World;
  let untouched: Snapshot;
  let calls: ChangingCall[];

  before(async () => {
    untouched = await snapshotAfter(start);
    calls = await inWorld(start, async (twin) => (await cniKilledAt(twin, 'bridge', ADD, 0)).calls);
  });

  beforeEach(async () => {
    world = await createWorld();
    await start(world);
  });

  afterEach(() => world.close());

  /** Holds an ADD before the first call, of all that it makes, whose name and detail match. */
  function addHeldAt(pattern: RegExp): Promise<HeldRun> {
    const at = calls.findIndex((call) => pattern.test(brief(call)));
    expect(at, `a call like ${pattern}`).to.be.at.least(0);
    return cniHeldAt(world, 'bridge', ADD, at + 1);
  }

  async function expectNothingLeft(): Promise<void> {
    expectUnchanged(untouched, await world.snapshot(), { allow: bookkeeping });
  }

  it('before it has its lock harms neither the DEL nor the ADD that overtake it', async () => {
    const held = await addHeldAt(/^openat \/run\/trestle\/lock/);
    await succeed(world, 'bridge', DEL);
    const [ip = ''] = ipsOf(await succeed(world, 'bridge', ADD));
    const attached = await world.snapshot();
    const { code, json } = await held.resume();
    expect({ code, error: json.code }).to.deep.equal({ code: 1, error: 100 });
    expect({ ...(await world.snapshot()), processes: [] }).to.deep.equal({ ...attached, processes: [], locks: [] });
    expect(await world.ping('host', ip)).to.equal(true);
    await succeed(world, 'bridge', DEL);
    await expectNothingLeft();
  });

  const places = {
    'before its first record': /^openat .*\.bridge\.json/,
    'before it has a lease': /^openat .*\/10\.1\.2\./,
    'between its lease and its link': /RTM_NEWLINK/,
    'between its link and its addresses': /RTM_NEWADDR/,
    'before it has its elements': /nftables batch/,
    'before it has answered': /standard output/,
  };

  for (const [place, pattern] of Object.entries(places)) {
    it(`${place} makes DEL wait, which removes all of it once it is killed`, async () => {
      const held = await addHeldAt(pattern);
      const del = succeed(world, 'bridge', DEL);
      const first = await Promise.race([del.then(() => 'DEL'), sleep(aWhileMs, 'nobody')]);
      expect(first).to.equal('nobody');
      expect((await held.kill()).signal).to.equal('SIGKILL');
      await del;
      await expectNothingLeft();
    });
  }

  it('and goes on is undone by the DEL that waited, and not by itself: the next ADD stays', async () => {
    const held = await addHeldAt(/RTM_NEWADDR/);
    const del = succeed(world, 'bridge', DEL);
    await sleep(aWhileMs);
    expect((await held.resume()).code).to.equal(0);
    await del;
    await expectNothingLeft();
    const [ip = ''] = ipsOf(await succeed(world, 'bridge', ADD));
    expect(await world.ping('host', ip)).to.equal(true);
    await succeed(world, 'bridge', DEL);
    await expectNothingLeft();
  });

  it('holding the leases of the network delays the others, and not for longer than it lives', async () => {
    const next = { ...ADD, containerId: 'next', netns: await world.addPod('next') };
    const held = await addHeldAt(/^openat .*\/10\.1\.2\./);
    const add = succeed(world, 'bridge', next);
    expect(await Promise.race([add.then(() => 'ADD'), sleep(aWhileMs, 'nobody')])).to.equal('nobody');
    await held.kill();
    await add;
    await succeed(world, 'bridge', { ...next, command: 'DEL' });
    await world.removePod(next.netns);
    await succeed(world, 'bridge', DEL);
    await expectNothingLeft();
  });
});

describe('An ADD that stands still while it makes the bridge', function () {
  this.timeout(60_000);

  const onePool = (name: string, subnet: string) => ({ ...config, name, ipam: hostLocal([{ subnet }]) });
  const call = ours(onePool('net', '10.1.2.0/24'));
  const rival = { ...ours(onePool('rival', '10.2.0.0/24')), containerId: 'rival', netns: '/run/netns/rival' };

  let world: World;
  let held: HeldRun;

  beforeEach(async () => {
    const { calls } = await inWorld(freshNode, (twin) => cniKilledAt(twin, 'bridge', call, 0));
    world = await createWorld();
    await freshNode(world);
    await world.addPod('rival');
    held = await cniHeldAt(world, 'bridge', call, calls.findIndex(({ detail }) => detail === 'RTM_NEWADDR') + 1);
  });

  afterEach(() => world.close());

  it('lets nobody else decide about it meanwhile', async () => {
    const refused = refusal(world, 'bridge', rival);
    await sleep(aWhileMs);
    expect((await held.resume()).code).to.equal(0);
    expect((await refused).msg).to.include('already has an IP address different from 10.2.0.1/24');
    expect(await globalAddresses(world, 'br0')).to.deep.equal(['10.1.2.1/24']);
  });

  it('and is killed leaves it to the next', async () => {
    const added = succeed(world, 'bridge', rival);
    await sleep(aWhileMs);
    await held.kill();
    const [ip = ''] = ipsOf(await added);
    expect(await world.ping('host', ip)).to.equal(true);
    expect(await globalAddresses(world, 'br0')).to.deep.equal(['10.2.0.1/24']);
  });
});
