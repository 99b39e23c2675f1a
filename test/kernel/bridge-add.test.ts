import { expect } from 'chai';
import {
  bridgeNetwork,
  globalAddresses,
  hostEndOf,
  hostLocal,
  ipsOf,
  linkGone,
  ranges,
  refusal,
  succeed,
} from '../support/network';
import { createWorld, type World } from '../support/world';

/** Less than duplicate address detection or a repeated neighbour solicitation takes. */
const atOnce = { timeoutMs: 500 };

describe('ADD of bridge', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  const routesTo = async (pod: { path: string }, family: '-4' | '-6') =>
    (await world.ip(`${family} route show default`, pod)).map(({ gateway }) => gateway);

  it('lets pods reach the gateway and each other, in both families, the moment it returns', async () => {
    const [one, two] = [await world.addPod(), await world.addPod()];
    await succeed(world, 'bridge', { netns: one, containerId: 'one', config: bridgeNetwork() });
    expect(await world.ping(one, 'fd00:1:2::1', atOnce)).to.equal(true);
    expect(await world.ping(one, '10.1.2.1', atOnce)).to.equal(true);
    const result = await succeed(world, 'bridge', { netns: two, containerId: 'two', config: bridgeNetwork() });
    for (const ip of ipsOf(result)) {
      expect(await world.ping(one, ip, atOnce), ip).to.equal(true);
      expect(await world.ping('host', ip, atOnce), ip).to.equal(true);
    }
  });

  it('makes an address answer at once that its neighbours knew by the MAC of an earlier pod', async () => {
    const peer = await world.addPod('peer');
    await succeed(world, 'bridge', { netns: peer, containerId: 'peer', config: bridgeNetwork() });
    const ips = ['10.1.2.50', 'fd00:1:2::50'];
    const config = bridgeNetwork({ runtimeConfig: { ips } });
    for (const round of [1, 2, 3, 4]) {
      const pod = await world.addPod();
      const call = { netns: pod, containerId: `round${round}`, config };
      await succeed(world, 'bridge', call);
      for (const ip of ips) {
        expect(await world.ping(peer, ip, atOnce), `round ${round}: ${ip} from a pod`).to.equal(true);
        expect(await world.ping('host', ip, atOnce), `round ${round}: ${ip} from the host`).to.equal(true);
      }
      await succeed(world, 'bridge', { ...call, command: 'DEL' });
    }
  });

  it('leaves nothing else on the host than the bridge and the named host end', async () => {
    const pod = await world.addPod();
    const result = await succeed(world, 'bridge', { netns: pod, containerId: 'cafe', config: bridgeNetwork() });
    const links = await world.ip('link show');
    expect(links.map(({ ifname }) => ifname).sort()).to.deep.equal(['br0', 'lo', hostEndOf(result)]);
    const port = links.find(({ ifname }) => ifname === hostEndOf(result));
    expect(port).to.include({ ifalias: 'trestle net cafe eth0', master: 'br0', operstate: 'UP' });
    expect((await world.ip('link show', pod)).map(({ ifname }) => ifname)).to.deep.equal(['lo', 'eth0']);
    // The kernel goes through all routes of IPv6 for each link that comes up: a pod is to leave it none.
    const routes = await world.ip('-6 route show table all');
    expect(routes.filter(({ dev }) => dev === hostEndOf(result))).to.deep.equal([]);
  });

  it('gives the same interface of another network, and another interface of the same, ends of their own', async () => {
    const pod = await world.addPod();
    const other = bridgeNetwork({ name: 'other', bridge: 'br1', ipam: hostLocal([{ subnet: '10.9.0.0/16' }]) });
    const results = [
      await succeed(world, 'bridge', { netns: pod, config: bridgeNetwork() }),
      await succeed(world, 'bridge', {
        netns: pod,
        config: bridgeNetwork({ isDefaultGateway: false }),
        ifname: 'eth1',
      }),
      await succeed(world, 'bridge', { netns: pod, config: other, ifname: 'eth2' }),
    ];
    expect(new Set(results.map(hostEndOf)).size).to.equal(3);
    expect(new Set(results.flatMap(ipsOf)).size).to.equal(5);
  });

  it('makes the bridge a gateway with isGateway, and the default one with isDefaultGateway', async () => {
    const plain = await world.addPod();
    await succeed(world, 'bridge', {
      netns: plain,
      containerId: 'plain',
      config: bridgeNetwork({ isDefaultGateway: false }),
    });
    expect(await globalAddresses(world, 'br0')).to.deep.equal([]);
    expect((await world.run('cat', ['/proc/sys/net/ipv4/ip_forward'])).stdout).to.equal('0\n');
    const guarded = await world.addPod();
    const isGateway = bridgeNetwork({ isDefaultGateway: false, isGateway: true });
    await succeed(world, 'bridge', { netns: guarded, containerId: 'guarded', config: isGateway });
    expect(await globalAddresses(world, 'br0')).to.deep.equal(['10.1.2.1/24', 'fd00:1:2::1/64']);
    expect(await routesTo(guarded, '-4')).to.deep.equal([]);
    const forwarding = await world.run('cat', [
      '/proc/sys/net/ipv4/ip_forward',
      '/proc/sys/net/ipv6/conf/all/forwarding',
    ]);
    expect(forwarding.stdout).to.equal('1\n1\n');
    const routed = await world.addPod();
    await succeed(world, 'bridge', { netns: routed, containerId: 'routed', config: bridgeNetwork() });
    expect(await routesTo(routed, '-4')).to.deep.equal(['10.1.2.1']);
    expect(await routesTo(routed, '-6')).to.deep.equal(['fd00:1:2::1']);
  });

  it('gives an address of each range set, and the bridge the gateway of each', async () => {
    const pod = await world.addPod();
    const ipam = {
      ...hostLocal([{ subnet: '10.1.2.0/24', gateway: '10.1.2.254' }], [{ subnet: '10.7.0.0/20' }], ranges.ipv6),
      routes: [{ dst: '192.0.2.0/24' }, { dst: '198.51.100.0/24', gw: '10.7.0.1' }],
    };
    const result = await succeed(world, 'bridge', { netns: pod, config: bridgeNetwork({ ipam }) });
    expect(result.ips).to.deep.equal([
      { address: '10.1.2.1/24', gateway: '10.1.2.254', interface: 2 },
      { address: '10.7.0.2/20', gateway: '10.7.0.1', interface: 2 },
      { address: 'fd00:1:2::2/64', gateway: 'fd00:1:2::1', interface: 2 },
    ]);
    expect(await globalAddresses(world, 'eth0', pod)).to.deep.equal(['10.1.2.1/24', '10.7.0.2/20', 'fd00:1:2::2/64']);
    expect(await globalAddresses(world, 'br0')).to.have.members(['10.1.2.254/24', '10.7.0.1/20', 'fd00:1:2::1/64']);
    const routes = await world.ip('route show proto boot', pod);
    expect(routes.map(({ dst, gateway }) => `${dst} ${gateway}`)).to.have.members([
      'default 10.1.2.254',
      '192.0.2.0/24 10.1.2.254',
      '198.51.100.0/24 10.7.0.1',
    ]);
  });

  it('of a container whose namespace went away without a DEL succeeds, and leaks no address', async () => {
    const call = { containerId: 'again', config: bridgeNetwork() };
    const first = await world.addPod();
    const before = await succeed(world, 'bridge', { ...call, netns: first });
    await world.removePod(first);
    await linkGone(world, hostEndOf(before));
    const second = await world.addPod();
    const result = await succeed(world, 'bridge', { ...call, netns: second });
    expect(await world.ping(second, '10.1.2.1', atOnce)).to.equal(true);
    const leases = (await world.run('ls', ['/var/lib/cni/networks/net'])).stdout.match(/^(10\.|fd00).*/gm);
    expect(leases).to.deep.equal(ipsOf(result));
  });

  it('serves a network that has IPv6 alone', async () => {
    const pod = await world.addPod();
    const result = await succeed(world, 'bridge', {
      netns: pod,
      config: bridgeNetwork({ ipam: hostLocal(ranges.ipv6) }),
    });
    expect(result.ips.map(({ address }: { address: string }) => address)).to.deep.equal(['fd00:1:2::2/64']);
    expect(await world.ping(pod, 'fd00:1:2::1', atOnce)).to.equal(true);
    expect((await world.run('cat', ['/proc/sys/net/ipv4/ip_forward'])).stdout).to.equal('0\n');
  });
});

describe('ADD of bridge to a bridge that is there', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
    await world.ip('link add br0 type bridge');
  });

  afterEach(() => world.close());

  const add = async () => succeed(world, 'bridge', { netns: await world.addPod(), config: bridgeNetwork() });

  it('brings it up, and leaves its MAC, its MTU and what else it is', async () => {
    await world.ip('link set br0 address 02:00:00:00:00:42 mtu 1400 type bridge ageing_time 1000');
    const config = bridgeNetwork({ mtu: 1300 });
    const result = await succeed(world, 'bridge', { netns: await world.addPod(), config });
    expect(result.interfaces[0]).to.deep.equal({ name: 'br0', mac: '02:00:00:00:00:42' });
    const [device] = await world.ip('-details link show br0');
    expect(device).to.include({ operstate: 'UP', mtu: 1400, address: '02:00:00:00:00:42' });
    expect(device.linkinfo.info_data.ageing_time).to.equal(1000);
  });

  it('does not wait for the spanning tree', async () => {
    await world.ip('link set br0 up type bridge stp_state 1');
    const began = Date.now();
    const result = await add();
    expect(Date.now() - began, 'a forward delay is 15 s').to.be.below(10_000);
    const [{ linkinfo }] = await world.ip(`-details link show ${hostEndOf(result)}`);
    expect(linkinfo.info_slave_data.state).to.be.oneOf(['listening', 'learning']);
  });

  it('refuses an IPv4 address other than its own, gives the lease back and says what it found', async () => {
    await world.ip('address add 10.9.9.1/24 dev br0');
    const pod = await world.addPod();
    const { code, msg, details } = await refusal(world, 'bridge', { netns: pod, config: bridgeNetwork() });
    expect({ code, msg, details }).to.deep.equal({
      code: 999,
      msg: 'failed to set bridge addr: "br0" already has an IP address different from 10.1.2.1/24',
      details: 'it has 10.9.9.1/24; "forceAddress": true replaces it',
    });
    expect(await globalAddresses(world, 'br0')).to.deep.equal(['10.9.9.1/24']);
    expect((await world.run('ls', ['/var/lib/cni/networks/net', '/run/trestle/attachments'])).stdout).to.not.match(
      /^10\.|json/m,
    );
    expect((await world.ip('link show', pod)).length).to.equal(1);
  });

  it('replaces that address with forceAddress, and keeps IPv6 ones of other subnets', async () => {
    for (const address of ['10.9.9.1/24', 'fd00:9::1/64', 'fd00:1:2::99/64']) {
      await world.ip(`address add ${address} dev br0`);
    }
    const config = bridgeNetwork({ forceAddress: true });
    await succeed(world, 'bridge', { netns: await world.addPod(), config });
    expect(await globalAddresses(world, 'br0')).to.have.members(['10.1.2.1/24', 'fd00:9::1/64', 'fd00:1:2::1/64']);
  });

  it('refuses an IPv6 address of an overlapping subnet', async () => {
    await world.ip('address add fd00:1:2::99/48 dev br0');
    const { msg } = await refusal(world, 'bridge', { netns: await world.addPod(), config: bridgeNetwork() });
    expect(msg).to.equal('failed to set bridge addr: "br0" already has an IP address different from fd00:1:2::1/64');
  });
});
