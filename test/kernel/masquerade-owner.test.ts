import { expect } from 'chai';
import { contents, masqueraded, nft, table } from '../support/masquerading';
import { succeed } from '../support/network';
import { createWorld, type World } from '../support/world';

describe("An address that ipMasq knew as another pod's", () => {
  let world: World;
  const config = masqueraded({ cniVersion: '1.1.0', runtimeConfig: { ips: ['10.1.2.9', 'fd00:1:2::9'] } });
  const newCall = async (containerId: string) => ({ netns: await world.addPod(containerId), containerId, config });
  const elements = async () => (await contents(world)).elements;
  const ofSecond = ['10.1.2.9 second eth0', 'fd00:1:2::9 second eth0'];

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  it("stays its new holder's when the DEL of the former is repeated", async () => {
    const [first, second] = [await newCall('first'), await newCall('second')];
    const prevResult = await succeed(world, 'bridge', first);
    const del = { ...first, command: 'DEL', config: { ...config, prevResult } };
    await succeed(world, 'bridge', del);
    await succeed(world, 'bridge', second);
    await succeed(world, 'bridge', del);
    expect(await elements()).to.deep.equal(ofSecond);
  });

  it("becomes its new holder's where the former vanished without a DEL, and GC leaves it", async () => {
    const [first, second] = [await newCall('first'), await newCall('second')];
    await succeed(world, 'bridge', first);
    await world.removePod(first.netns);
    await world.run('rm', ['-r', '/run/trestle/attachments', '/var/lib/cni/networks/net']);
    await succeed(world, 'bridge', second);
    expect(await elements()).to.deep.equal(ofSecond);
    const valid = [{ containerID: 'second', ifname: 'eth0' }];
    await succeed(world, 'bridge', { command: 'GC', config: { ...config, 'cni.dev/valid-attachments': valid } });
    expect(await elements()).to.deep.equal(ofSecond);
    await succeed(world, 'bridge', { ...second, command: 'DEL' });
    expect(await elements()).to.deep.equal([]);
  });

  it('goes with the DEL of its pod even where an administrator put it in by hand', async () => {
    const call = await newCall('first');
    await succeed(world, 'bridge', call);
    const [set4] = (await world.run('sh', ['-c', `nft list sets | grep -o 'pods_net_[a-z2-7]*'`])).stdout.split('\n');
    await nft(world, `flush set ${table} ${set4}; add element ${table} ${set4} { 10.1.2.9 }`);
    await succeed(world, 'bridge', { ...call, command: 'DEL' });
    expect(await elements()).to.deep.equal([]);
  });
});
