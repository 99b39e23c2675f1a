import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping } from '../support/leftovers';
import { hostLocal, succeed } from '../support/network';
import type { Pod } from '../support/peers';
import { ask, serve } from '../support/port-peer';
import {
  attach,
  bridgeCall,
  bridged,
  chain,
  detach,
  elementsOf,
  findings,
  type Mapped,
  portmapCall,
} from '../support/portmapping';
import { createWorld, type World } from '../support/world';

const many = 50;
const mappingsOf = (index: number) =>
  ['tcp', 'udp'].map((protocol) => ({ hostPort: 10_000 + index, containerPort: 80, protocol }));

describe('Many mappings at once', function () {
  this.timeout(120_000);

  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  /** Somebody who changes another table all the time, until the work is done. */
  async function besideWriter(work: () => Promise<unknown>): Promise<void> {
    const write = `touch /run/writing; while [ -e /run/writing ]; do
      nft "add table inet other; add chain inet other c" && nft delete table inet other || exit; done`;
    const writer = world.run('sh', ['-c', write]);
    await work();
    await world.run('rm', ['/run/writing']);
    expect(await writer).to.include({ code: 0, stderr: '' });
  }

  it('are all there after their ADDs, lead to their pods, and are all gone after their DELs', async () => {
    const outside = await world.addOutside();
    // Table, sets and rules stay, and so are there before.
    await detach(world, await attach(world, { containerId: 'first', chain: chain(), mappings: mappingsOf(99) }));
    const namespaces: Pod[] = [];
    for (let index = 0; index < many; index++) namespaces.push(await world.addPod(`c${index}`));
    const before = await world.snapshot();
    const pods: Mapped[] = [];
    for (const [index, pod] of namespaces.entries())
      pods.push(await bridged(world, { containerId: pod.name, pod, chain: chain(), mappings: mappingsOf(index) }));

    await besideWriter(() => Promise.all(pods.map((pod) => succeed(world, 'portmap', portmapCall(pod)))));
    for (const [index, pod] of pods.entries()) {
      const leads = (await elementsOf(world, pod.containerId)).filter((element) => element.startsWith('any_'));
      const expected = ['tcp', 'udp'].flatMap((protocol) =>
        pod.ips.map((ip, family) => `any_v${family === 0 ? 4 : 6} ${protocol} . ${10_000 + index} : ${ip} . 80`),
      );
      expect(leads, pod.containerId).to.deep.equal(expected.sort());
      expect(await findings(world, pod), pod.containerId).to.deep.equal([]);
    }
    for (const index of [0, many / 2, many - 1]) {
      await serve(world, (pods[index] as Mapped).pod, `c${index}`, [80]);
      for (const [family, address] of outside.hostIps.entries())
        for (const protocol of ['tcp', 'udp'] as const)
          expect(await ask(world, outside, { address, port: 10_000 + index, protocol })).to.equal(
            `c${index} ${outside.ips[family]}`,
          );
    }

    await besideWriter(() => Promise.all(pods.map((pod) => succeed(world, 'portmap', portmapCall(pod, 'DEL')))));
    for (const pod of pods) await succeed(world, 'bridge', bridgeCall(pod, 'DEL'));
    expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
  });

  it('of one pod after another: a DEL that is repeated late leaves whoever has its address and its port by then', async () => {
    const outside = await world.addOutside();
    const one = [
      [{ subnet: '10.1.2.0/24', rangeStart: '10.1.2.9', rangeEnd: '10.1.2.9' }],
      [{ subnet: 'fd00:1:2::/64', rangeStart: 'fd00:1:2::9', rangeEnd: 'fd00:1:2::9' }],
    ];
    const narrow = chain();
    narrow.bridge.ipam = hostLocal(...one);
    const first = await attach(world, { containerId: 'first', chain: narrow, mappings: mappingsOf(0) });
    await detach(world, first);
    const second = await attach(world, { containerId: 'second', chain: narrow, mappings: mappingsOf(0) });
    await serve(world, second.pod, 'second', [80]);
    expect(second.ips).to.deep.equal(first.ips);
    const before = await world.snapshot();
    await detach(world, first);
    await succeed(world, 'portmap', portmapCall({ ...first, result: undefined }, 'DEL'));
    expectUnchanged(before, await world.snapshot());
    for (const [index, address] of outside.hostIps.entries())
      expect(await ask(world, outside, { address, port: 10_000, protocol: 'tcp' })).to.equal(
        `second ${outside.ips[index]}`,
      );
  });
});
