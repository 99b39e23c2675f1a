import { expect } from 'chai';
import { masqueraded, networkOn, sourceOf } from '../support/masquerading';
import { hostLocal, ipsOf, succeed } from '../support/network';
import type { Outside } from '../support/outside';
import type { EchoPeer, Pod } from '../support/peers';
import { installedPlugins, referencePlugins } from '../support/plugins';
import { createWorld, type World } from '../support/world';

describe('ipMasq: a peer sees', () => {
  let world: World;
  let outside: Outside;
  const pods: Record<string, Pod> = {};
  const ips: Record<string, string[]> = {};
  /** Echo peers by the place that they are in: the first of IPv4, the second of IPv6. */
  const peers: Record<string, EchoPeer[]> = {};
  const networks = {
    a: networkOn('br-a', 'a', '10.1.0.0/16', 'fd00:1::/64'),
    b: networkOn('br-b', 'b', '10.2.0.0/16', 'fd00:2::/64'),
  };

  before(async () => {
    world = await createWorld();
    outside = await world.addOutside();
    for (const name of ['a1', 'a2', 'b1'] as const) {
      const pod = await world.addPod(name);
      const config = networks[name[0] as 'a' | 'b'];
      ips[name] = ipsOf(await succeed(world, 'bridge', { netns: pod, containerId: name, config }));
      pods[name] = pod;
    }
    const listen = async (name: string, place: Pod | 'host', addresses: string[]) => {
      peers[name] = await Promise.all(addresses.map((address) => world.echo(place, address)));
    };
    await Promise.all([
      listen('outside', outside, outside.ips),
      listen('gateway', 'host', ['10.1.0.1', 'fd00:1::1']),
      listen('host', 'host', outside.hostIps),
      ...(['a1', 'a2', 'b1'] as const).map((name) => listen(name, pods[name] as Pod, ips[name] ?? [])),
    ]);
  });

  after(() => world.close());

  for (const [index, family] of ['IPv4', 'IPv6'].entries()) {
    const seenBy = (peer: string, pod: string) => sourceOf(world, pods[pod] as Pod, peers[peer]?.[index] as EchoPeer);

    it(`outside, the host (${family})`, async () => {
      expect(await seenBy('outside', 'a1')).to.equal(outside.hostIps[index]);
      expect(await seenBy('outside', 'b1')).to.equal(outside.hostIps[index]);
    });

    it(`in the same network, the pod itself (${family})`, async () => {
      expect(await seenBy('a2', 'a1')).to.equal(ips.a1?.[index]);
    });

    it(`on the host, whichever of its addresses, the pod itself (${family})`, async () => {
      expect(await seenBy('gateway', 'a1')).to.equal(ips.a1?.[index]);
      expect(await seenBy('host', 'a1')).to.equal(ips.a1?.[index]);
    });

    it(`in another network, the host on that side, both ways (${family})`, async () => {
      expect(await seenBy('b1', 'a1')).to.equal(['10.2.0.1', 'fd00:2::1'][index]);
      expect(await seenBy('a1', 'b1')).to.equal(['10.1.0.1', 'fd00:1::1'][index]);
    });
  }

  for (const [group, family] of [
    ['239.1.2.3', 'IPv4'],
    ['ff05::1234', 'IPv6'],
  ] as const) {
    it(`in a multicast datagram, the pod itself (${family})`, async () => {
      // Even on one bridge: br_netfilter shows nftables what the bridge passes on.
      let heard = false;
      const receiver = world.run(process.execPath, ['-e', receiverOf(group)], { in: pods.a2 as Pod }).finally(() => {
        heard = true;
      });
      while (!heard) {
        await world.run('bash', ['-c', `echo > /dev/udp/${group}/7777; sleep 0.1`], { in: pods.a1 as Pod });
      }
      expect((await receiver).stdout).to.equal(ips.a1?.[family === 'IPv4' ? 0 : 1]);
    });
  }
});

/** A program that joins a multicast group and prints where the first datagram comes from. */
function receiverOf(group: string): string {
  const v6 = group.includes(':');
  return `const socket = require('node:dgram').createSocket('${v6 ? 'udp6' : 'udp4'}');
    socket.on('message', (_, from) => { process.stdout.write(from.address.split('%')[0]); process.exit(); });
    socket.bind(7777, () => socket.addMembership('${group}'${v6 ? `, '::%eth0'` : ''}));
    setTimeout(() => process.exit(1), 10000);`;
}

describe('ipMasq of networks that overlap', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  const wide = networkOn('br-wide', 'wide', '10.1.0.0/16', 'fd00:1::/48');
  const narrow = networkOn('br-narrow', 'narrow', '10.1.128.0/17', 'fd00:1:0:8000::/64');

  it('spares each its own subnet only', async () => {
    const outside = await world.addOutside();
    const [a, b] = [await world.addPod(), await world.addPod()];
    const [aIps, bIps] = [
      ipsOf(await succeed(world, 'bridge', { netns: a, containerId: 'a', config: wide })),
      ipsOf(await succeed(world, 'bridge', { netns: b, containerId: 'b', config: narrow })),
    ];
    for (const [index, host] of outside.hostIps.entries()) {
      const far = await world.echo(outside, outside.ips[index] as string);
      expect(await sourceOf(world, a, far)).to.equal(host);
      expect(await sourceOf(world, b, far)).to.equal(host);
      const near = await world.echo(a, aIps[index] as string);
      expect(await sourceOf(world, b, near)).to.equal(['10.1.0.1', 'fd00:1::1'][index]);
    }
    expect(bIps).to.deep.equal(['10.1.128.2', 'fd00:1:0:8000::2']);
  });

  it('DEL of a pod leaves a pod of another network masqueraded that has the same address and container ID', async () => {
    const outside = await world.addOutside();
    const same = { runtimeConfig: { ips: ['10.1.0.9', 'fd00:1::9'] } };
    const [a, b] = [await world.addPod(), await world.addPod()];
    const first = { netns: a, config: { ...networkOn('br-a', 'a', '10.1.0.0/16', 'fd00:1::/64'), ...same } };
    const second = { netns: b, config: { ...networkOn('br-b', 'b', '10.1.0.0/16', 'fd00:1::/64'), ...same } };
    await succeed(world, 'bridge', first);
    await succeed(world, 'bridge', second);
    await succeed(world, 'bridge', { ...first, command: 'DEL' });
    // Two bridges have the same subnet: this is where the answers go.
    await world.ip('route add 10.1.0.9/32 dev br-b');
    await world.ip('route add fd00:1::9/128 dev br-b');
    for (const [index, host] of outside.hostIps.entries()) {
      const far = await world.echo(outside, outside.ips[index] as string);
      expect(await sourceOf(world, b, far)).to.equal(host);
    }
  });
});

describe('ipMasq of addresses that are not one subnet', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  for (const [whose, plugins] of [
    ['ours', installedPlugins],
    ['the reference', referencePlugins],
  ] as const) {
    it(`masquerades what one of a pod's addresses sends to the subnet of another (${whose})`, async () => {
      expect(await sourceBetweenSubnets(plugins)).to.equal('10.7.0.1');
    });
  }

  it('masquerades between pods of one network whose subnet was changed in between', async () => {
    await world.ip('link add br0 type bridge');
    const pods = [await world.addPod(), await world.addPod()] as const;
    for (const [index, subnet] of ['10.1.2.0/24', '10.7.0.0/24'].entries()) {
      const config = { ...networkOn('br0', 'net', subnet), forceAddress: true };
      await succeed(world, 'bridge', { netns: pods[index] as Pod, containerId: `c${index}`, config });
    }
    await world.ip('address add 10.1.2.1/24 dev br0');
    expect(await sourceOf(world, pods[0], await world.echo(pods[1], '10.7.0.2'))).to.equal('10.7.0.1');
  });

  it('masquerades an address without a subnet and without a gateway, of an IPAM plugin that is not ours', async () => {
    const outside = await world.addOutside();
    const pod = await world.addPod();
    const addresses = ['10.5.0.9/32', 'fd00:5::9/128'];
    const config = masqueraded({
      isDefaultGateway: false,
      ipam: { type: 'static', addresses: addresses.map((address) => ({ address })) },
    });
    const env = { CNI_PATH: `${installedPlugins}:${referencePlugins}` };
    await succeed(world, 'bridge', { netns: pod, config, env });
    await world.run('sysctl', ['-w', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    for (const [index, gateway] of ['169.254.1.1', 'fd00:ffff::1'].entries()) {
      await world.ip(`address add ${gateway}/${index === 0 ? 32 : 128} dev br0`);
      await world.ip(`route add ${addresses[index]} dev br0`);
      await world.ip(`route add ${gateway} dev eth0`, pod);
      await world.ip(`route add default via ${gateway} dev eth0`, pod);
      const far = await world.echo(outside, outside.ips[index] as string);
      expect(await sourceOf(world, pod, far)).to.equal(outside.hostIps[index]);
    }
  });

  /** Two pods with an address in each of two subnets, and no gateway of ours: the host is set up by hand. */
  async function sourceBetweenSubnets(plugins: string): Promise<string> {
    await world.ip('link add br0 type bridge');
    await world.ip('link set br0 up');
    for (const address of ['10.1.2.1/24', '10.7.0.1/24']) await world.ip(`address add ${address} dev br0`);
    await world.run('sysctl', ['-w', 'net.ipv4.ip_forward=1']);
    const ipam = hostLocal([{ subnet: '10.1.2.0/24' }], [{ subnet: '10.7.0.0/24' }]);
    const config = masqueraded({ isDefaultGateway: false, ipam });
    const [one, two] = [await world.addPod(), await world.addPod()];
    await succeed(world, 'bridge', { netns: one, containerId: 'one', config, plugins });
    await succeed(world, 'bridge', { netns: two, containerId: 'two', config, plugins });
    await world.ip('route replace 10.7.0.0/24 via 10.1.2.1 src 10.1.2.2', one);
    return sourceOf(world, one, await world.echo(two, '10.7.0.3'));
  }
});
