import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping, sharedObjects } from '../support/leftovers';
import { bridgeNetwork, hostLocal, ipsOf, succeed } from '../support/network';
import type { Pod } from '../support/peers';
import type { CniCall } from '../support/plugins';
import { createWorld, type World } from '../support/world';

const many = 30;
const numbers = Array.from({ length: many }, (_, index) => index);
const config = bridgeNetwork({ cniVersion: '1.1.0', ipMasq: true });

describe('Many calls at once', function () {
  this.timeout(120_000);

  let world: World;
  let pods: Pod[];

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  async function addPods(count: number): Promise<void> {
    pods = [];
    while (pods.length < count) pods.push(await world.addPod());
  }

  const callOf = (index: number, changes: CniCall = {}): CniCall => ({
    netns: pods[index] as Pod,
    containerId: `c${index}`,
    config,
    ...changes,
  });
  const atOnce = <T>(work: (index: number) => Promise<T>): Promise<T[]> => Promise.all(numbers.map(work));

  it('of ADD, on a bridge that does not exist, all succeed, with an address each; and DELs leave nothing', async () => {
    await addPods(many);
    const before = await world.snapshot();
    const results = await atOnce((index) => succeed(world, 'bridge', callOf(index)));
    const addresses = results.flatMap(ipsOf);
    expect(new Set(addresses).size).to.equal(2 * many);
    for (const [index, pod] of pods.entries()) {
      expect(await world.ping(pod, '10.1.2.1'), `10.1.2.1 from pod ${index}`).to.equal(true);
      expect(await world.ping(pod, 'fd00:1:2::1'), `fd00:1:2::1 from pod ${index}`).to.equal(true);
    }
    const rules = (await world.snapshot()).namespaces.host?.nft ?? [];
    expect(rules.filter((line) => line.startsWith('rule')).length, 'a rule of each family').to.equal(2);
    expect(rules.filter((line) => line.startsWith('element')).length).to.equal(2 * many);
    await atOnce((index) => succeed(world, 'bridge', callOf(index, { command: 'DEL' })));
    expectUnchanged(before, await world.snapshot(), { allow: sharedObjects('br0') });
  });

  it('of ADD, each on a network of its own, all succeed; and DELs leave nothing', async () => {
    await addPods(many);
    const before = await world.snapshot();
    const ownNetwork = (index: number) => {
      const ranges = [[{ subnet: `10.1.${index}.0/24` }], [{ subnet: `fd00:1:${index}::/64` }]];
      return { config: { ...config, name: `net${index}`, bridge: `own${index}`, ipam: hostLocal(...ranges) } };
    };
    await atOnce((index) => succeed(world, 'bridge', callOf(index, ownNetwork(index))));
    for (const [index, pod] of pods.entries()) {
      expect(await world.ping(pod, `10.1.${index}.1`), `10.1.${index}.1`).to.equal(true);
    }
    await atOnce((index) => succeed(world, 'bridge', callOf(index, { ...ownNetwork(index), command: 'DEL' })));
    expectUnchanged(before, await world.snapshot(), { allow: sharedObjects('own\\d+') });
  });

  it('about one attachment leave one or none, and DEL then leaves nothing', async () => {
    await addPods(2);
    await succeed(world, 'bridge', callOf(0));
    const before = await world.snapshot();
    const seen = new Set<string>();
    for (let round = 0; round < 20; round++) {
      const calls = [callOf(1), callOf(1, { command: 'DEL' }), callOf(1)];
      const answers = await Promise.all(calls.map((call) => world.cni('bridge', call)));
      const codes = answers.map(({ code, json }) => (code === 0 ? 0 : json.code));
      expect(codes[1], 'DEL').to.equal(0);
      expect(codes, 'ADDs').to.satisfy((all: number[]) => all.every((code) => code === 0 || code === 100));
      const attached = (await world.ip('link show', pods[1])).some(({ ifname }) => ifname === 'eth0');
      const state = await world.snapshot();
      if (attached) expect(await world.ping(pods[1] as Pod, '10.1.2.1')).to.equal(true);
      else expectUnchanged(before, state, { allow: bookkeeping });
      seen.add(codes.join());
      await succeed(world, 'bridge', callOf(1, { command: 'DEL' }));
      expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
    }
    expect(seen.size, `orders seen: ${[...seen].join(' ')}`).to.be.above(1);
  });

  it('of loopback and bridge for one container do not wait for each other, and both succeed', async () => {
    await addPods(1);
    const loopback = { ...callOf(0), ifname: 'eth0', config: { cniVersion: '1.1.0', name: 'net', type: 'loopback' } };
    for (let round = 0; round < 5; round++) {
      await Promise.all([succeed(world, 'loopback', loopback), succeed(world, 'bridge', callOf(0))]);
      expect(await world.ping(pods[0] as Pod, '127.0.0.1')).to.equal(true);
      expect(await world.ping(pods[0] as Pod, '10.1.2.1')).to.equal(true);
      const dels = [
        succeed(world, 'loopback', { ...loopback, command: 'DEL' }),
        succeed(world, 'bridge', callOf(0, { command: 'DEL' })),
      ];
      await Promise.all(dels);
    }
  });
});
