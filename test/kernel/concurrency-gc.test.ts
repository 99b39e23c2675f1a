import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { none, partsOf, whole } from '../support/attachment-parts';
import { expectUnchanged } from '../support/expect-unchanged';
import { type ChangingCall, cniHeldAt, cniKilledAt } from '../support/kill-at';
import { brief, inWorld } from '../support/kill-rounds';
import { bookkeeping } from '../support/leftovers';
import { bridgeNetwork, succeed } from '../support/network';
import type { CniCall } from '../support/plugins';
import { cniWaiting } from '../support/waiting';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork({ cniVersion: '1.1.0', ipMasq: true });
const GC = { command: 'GC', config: { ...config, 'cni.dev/valid-attachments': [] } };
const leases = '/var/lib/cni/networks/net';

const callOf = (containerId: string, command = 'ADD'): CniCall => ({
  command,
  containerId,
  config,
  netns: `/run/netns/${containerId}`,
});

async function attach(world: World, containerId: string): Promise<void> {
  await world.addPod(containerId);
  await succeed(world, 'bridge', callOf(containerId));
}

describe('GC beside other calls', function () {
  this.timeout(60_000);

  let world: World;
  let calls: ChangingCall[];

  const staleNode = async (node: World) => {
    await attach(node, 'old');
    await attach(node, 'stale');
  };

  before(async () => {
    calls = await inWorld(staleNode, async (twin) => (await cniKilledAt(twin, 'bridge', GC, 0)).calls);
  });

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  it('takes nothing from an ADD that begins and ends while it runs', async () => {
    // The same point of GC's run in every world: it has looked at the records, and not at the leases.
    const at = calls.findLastIndex((call) => brief(call) === `openat ${leases}/lock`);
    expect(at).to.be.above(0);
    await staleNode(world);
    await world.addPod('new');
    const held = await cniHeldAt(world, 'bridge', GC, at + 1);
    await succeed(world, 'bridge', callOf('new'));
    expect((await held.resume()).code).to.equal(0);
    expect(partsOf(await world.snapshot(), 'new')).to.deep.equal(whole);
    expect(partsOf(await world.snapshot(), 'stale')).to.deep.equal(none);
    expect(await world.ping({ path: '/run/netns/new' }, '10.1.2.1')).to.equal(true);
  });

  it('takes nothing from an ADD that ends after it was started, whatever its list says', async () => {
    await attach(world, 'stale');
    await world.addPod('new');
    const waiting = await cniWaiting(world, 'bridge', GC);
    await succeed(world, 'bridge', callOf('new'));
    expect(await waiting.give(GC.config)).to.include({ code: 0, stdout: '' });
    expect(partsOf(await world.snapshot(), 'new')).to.deep.equal(whole);
    expect(partsOf(await world.snapshot(), 'stale')).to.deep.equal(none);
  });

  it('takes nothing from an ADD that a DEL has made room for while it ran', async () => {
    const at = calls.findIndex((call) => brief(call) === 'openat /run/trestle/lock');
    await staleNode(world);
    const held = await cniHeldAt(world, 'bridge', GC, at + 1);
    for (const id of ['old', 'stale']) {
      await succeed(world, 'bridge', callOf(id, 'DEL'));
      await succeed(world, 'bridge', callOf(id));
    }
    expect((await held.resume()).code).to.equal(0);
    expect(partsOf(await world.snapshot(), 'old')).to.deep.equal(whole);
    expect(partsOf(await world.snapshot(), 'stale')).to.deep.equal(whole);
  });

  it('takes nothing from an ADD that is under way', async () => {
    await attach(world, 'old');
    await world.addPod('new');
    const { calls: ofAdd } = await inWorld(
      async (twin) => {
        await attach(twin, 'old');
        await twin.addPod('new');
      },
      (twin) => cniKilledAt(twin, 'bridge', callOf('new'), 0),
    );
    const places = [
      /^openat .*bridge\.json/,
      /^openat .*\/last_reserved/,
      /RTM_NEWADDR/,
      /nftables batch/,
      /standard output/,
    ];
    for (const place of places) {
      const at = ofAdd.findIndex((call) => place.test(brief(call)));
      expect(at, String(place)).to.be.above(0);
      const held = await cniHeldAt(world, 'bridge', callOf('new'), at + 1);
      const collected = succeed(world, 'bridge', GC);
      // GC waits for the leases' lock while the ADD has it.
      if (String(place).includes('last_reserved')) await sleep(300);
      else await collected;
      expect((await held.resume()).code, String(place)).to.equal(0);
      await collected;
      expect(partsOf(await world.snapshot(), 'new'), String(place)).to.deep.equal(whole);
      await succeed(world, 'bridge', callOf('new', 'DEL'));
    }
  });

  it('called again and again while ten ADDs run leaves each of them whole, or nothing of it', async () => {
    const ids = Array.from({ length: 10 }, (_, index) => `c${index}`);
    for (const id of ids) await world.addPod(id);
    await attach(world, 'first');
    await succeed(world, 'bridge', callOf('first', 'DEL'));
    const before = await world.snapshot();
    let adding = true;
    const collect = async () => {
      while (adding) await succeed(world, 'bridge', GC);
    };
    const adds = Promise.all(ids.map((id) => succeed(world, 'bridge', callOf(id)))).finally(() => {
      adding = false;
    });
    await Promise.all([adds, collect()]);
    const state = await world.snapshot();
    for (const id of ids) {
      const parts = partsOf(state, id);
      expect(parts, id).to.deep.equal(parts.link ? whole : none);
    }
    for (const id of ids) await succeed(world, 'bridge', callOf(id, 'DEL'));
    expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
  });
});
