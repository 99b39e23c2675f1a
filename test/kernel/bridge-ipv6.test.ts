import { expect } from 'chai';
import { bridgeNetwork, globalAddresses, hostLocal, ranges, succeed } from '../support/network';
import { createWorld, type World } from '../support/world';

describe('bridge and IPv6', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  const ipv4Only = () => bridgeNetwork({ ipam: hostLocal(ranges.ipv4) });

  /** What an administrator writes to be rid of IPv6. */
  async function disableIpv6(place?: { path: string }): Promise<void> {
    for (const scope of ['all', 'default', 'lo']) {
      await world.run('sysctl', ['-w', `net.ipv6.conf.${scope}.disable_ipv6=1`], { in: place ?? 'host' });
    }
  }

  async function expectIpv4Life(pod: { path: string }): Promise<void> {
    const result = await succeed(world, 'bridge', { netns: pod, config: ipv4Only() });
    expect(await world.ping(pod, '10.1.2.1')).to.equal(true);
    await succeed(world, 'bridge', { command: 'CHECK', netns: pod, config: { ...ipv4Only(), prevResult: result } });
    await succeed(world, 'bridge', { command: 'DEL', netns: pod, config: ipv4Only() });
  }

  it('an IPv4 pod works where IPv6 is switched off on the host and in the pod, and it stays so', async () => {
    const pod = await world.addPod();
    await disableIpv6();
    await disableIpv6(pod);
    await expectIpv4Life(pod);
    await succeed(world, 'bridge', { netns: pod, config: ipv4Only() });
    expect(await world.ip('-6 address show', pod)).to.deep.equal([]);
    expect(await world.ip('-6 address show')).to.deep.equal([]);
  });

  it('an IPv4 pod works on a kernel without IPv6', async () => {
    const pod = await world.addPod();
    // As near as one comes to a kernel that was built without it. Each namespace has folders of its own in there.
    for (const place of ['host', pod] as const) {
      const mounted = await world.run('mount', ['-t', 'tmpfs', 'none', '/proc/sys/net/ipv6'], { in: place });
      expect(mounted.code, mounted.stderr).to.equal(0);
    }
    await expectIpv4Life(pod);
  });

  it('a pod gets its IPv6 address although the runtime has switched IPv6 off in its namespace', async () => {
    const pod = await world.addPod();
    await disableIpv6(pod);
    await succeed(world, 'bridge', { netns: pod, config: bridgeNetwork() });
    expect(await globalAddresses(world, 'eth0', pod)).to.deep.equal(['10.1.2.2/24', 'fd00:1:2::2/64']);
    expect(await world.ping(pod, 'fd00:1:2::1')).to.equal(true);
    await world.ip('link set lo up', pod);
    expect(await world.ping(pod, '::1')).to.equal(true);
  });

  it('the IPv6 address outlives a link that goes down and up', async () => {
    const pod = await world.addPod();
    await succeed(world, 'bridge', { netns: pod, config: bridgeNetwork() });
    await world.ip('link set eth0 down', pod);
    await world.ip('link set eth0 up', pod);
    expect(await globalAddresses(world, 'eth0', pod)).to.include('fd00:1:2::2/64');
    expect(await world.ping(pod, 'fd00:1:2::1')).to.equal(true);
  });

  it('a pod of both families works where /proc/sys is read-only, if the host forwards already', async () => {
    await world.run('sysctl', ['-w', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    await world.run('mount', ['--bind', '/proc/sys', '/proc/sys']);
    await world.run('mount', ['-o', 'remount,bind,ro', '/proc/sys']);
    expect((await world.run('sysctl', ['-w', 'net.ipv4.ip_forward=0'])).code).to.not.equal(0);
    const pod = await world.addPod();
    await succeed(world, 'bridge', { netns: pod, config: bridgeNetwork() });
    for (const gateway of ['10.1.2.1', 'fd00:1:2::1']) {
      expect(await world.ping(pod, gateway, { timeoutMs: 500 }), gateway).to.equal(true);
    }
  });

  it('the bridge takes no address or route from a router that speaks up in a pod', async () => {
    await succeed(world, 'bridge', { netns: await world.addPod(), config: bridgeNetwork() });
    expect((await world.run('cat', ['/proc/sys/net/ipv6/conf/br0/accept_ra'])).stdout).to.equal('0\n');
  });
});
