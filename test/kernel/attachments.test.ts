import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping } from '../support/leftovers';
import { bridgeNetwork, type Config, hostLocal, ipsOf, succeed } from '../support/network';
import type { Pod } from '../support/peers';
import type { Snapshot } from '../support/snapshot';
import { createWorld, type World } from '../support/world';

const first = bridgeNetwork({ cniVersion: '1.1.0', ipMasq: true });
const second = {
  ...first,
  name: 'net2',
  bridge: 'br2',
  isDefaultGateway: false,
  isGateway: true,
  ipam: hostLocal([{ subnet: '10.2.0.0/24' }], [{ subnet: 'fd00:2::/64' }]),
};

describe('One container', () => {
  let world: World;
  let pod: Pod;
  let before: Snapshot;

  beforeEach(async () => {
    world = await createWorld();
    pod = await world.addPod();
    // Both networks' bridges and rules are there already.
    for (const config of [first, second]) {
      for (const command of ['ADD', 'DEL']) await succeed(world, 'bridge', { command, netns: pod, config });
    }
    before = await world.snapshot();
  });

  afterEach(() => world.close());

  const call = (config: Config, ifname: string, command = 'ADD') =>
    succeed(world, 'bridge', { command, netns: pod, ifname, config });

  const cases = {
    'can be attached twice to one network': [first, first],
    'can be attached to two networks': [first, second],
  } as const;

  for (const [title, [one, other]] of Object.entries(cases)) {
    it(title, async () => {
      await call(one, 'eth0');
      const alone = await world.snapshot();
      const added = await call(other, 'net1');
      for (const ip of ipsOf(added)) expect(await world.ping('host', ip), ip).to.equal(true);
      await call(other, 'net1', 'DEL');
      expectUnchanged(alone, await world.snapshot(), { allow: bookkeeping });
      expect(await world.ping(pod, '10.1.2.1')).to.equal(true);
      await call(one, 'eth0', 'DEL');
      expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
    });
  }

  it('whose first attachment goes before its second keeps that', async () => {
    await call(first, 'eth0');
    const [ip = ''] = ipsOf(await call(second, 'net1'));
    await call(first, 'eth0', 'DEL');
    expect(await world.ping('host', ip)).to.equal(true);
    await call(second, 'net1', 'DEL');
    expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
  });
});
