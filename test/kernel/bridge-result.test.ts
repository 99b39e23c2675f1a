import { expect } from 'chai';
import { bridgeNetwork, hostLocal, succeed } from '../support/network';
import { createWorld, type World } from '../support/world';

describe('the result of bridge', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  async function macOf(name: string, place?: { path: string }): Promise<string> {
    return (await world.ip(`link show dev ${name}`, place))[0].address;
  }

  const ipam = {
    ...hostLocal(),
    routes: [{ dst: '192.0.2.0/24' }, { dst: '2001:db8::/32', gw: 'fd00:1:2::7' }],
  };
  const dns = { nameservers: ['10.1.2.53'], domain: 'example.org', search: ['a', 'b'], options: ['ndots:2'] };
  const ipv4 = { address: '10.1.2.2/24', gateway: '10.1.2.1' };
  const ipv6 = { address: 'fd00:1:2::2/64', gateway: 'fd00:1:2::1' };
  const defaults = [
    { dst: '0.0.0.0/0', gw: '10.1.2.1' },
    { dst: '::/0', gw: 'fd00:1:2::1' },
  ];

  for (const cniVersion of ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']) {
    it(`has the shape of version ${cniVersion}`, async () => {
      const pod = await world.addPod();
      const result = await succeed(world, 'bridge', {
        netns: pod,
        config: bridgeNetwork({ cniVersion, ipam, dns, mtu: 1400 }),
      });
      const [bridge, host, end] = await Promise.all([macOf('br0'), hostMac(), macOf('eth0', pod)]);
      if (cniVersion < '0.3.0') {
        expect(result).to.deep.equal({
          cniVersion,
          ip4: { ip: ipv4.address, gateway: ipv4.gateway, routes: [{ dst: '192.0.2.0/24' }, defaults[0]] },
          ip6: { ip: ipv6.address, gateway: ipv6.gateway, routes: [ipam.routes[1], defaults[1]] },
          dns,
        });
        return;
      }
      const numbered = cniVersion < '1.0.0';
      const mtu = cniVersion === '1.1.0' && { mtu: 1400 };
      expect(result).to.deep.equal({
        cniVersion,
        interfaces: [
          { name: 'br0', mac: bridge, ...mtu },
          { ...host, ...mtu },
          { name: 'eth0', mac: end, sandbox: pod.path, ...mtu },
        ],
        ips: [
          { ...(numbered && { version: '4' }), interface: 2, ...ipv4 },
          { ...(numbered && { version: '6' }), interface: 2, ...ipv6 },
        ],
        routes: [...ipam.routes, ...defaults],
        dns,
      });
    });
  }

  async function hostMac() {
    const [{ ifname, address }] = await world.ip('link show master br0');
    return { name: ifname, mac: address };
  }

  it('without IPAM names the interfaces, and a pod on layer 2 carries traffic', async () => {
    const [one, two] = [await world.addPod(), await world.addPod()];
    const config = { cniVersion: '0.4.0', name: 'net', type: 'bridge', bridge: 'br0' };
    const result = await succeed(world, 'bridge', { netns: one, containerId: 'one', config });
    expect(result).to.deep.equal({
      cniVersion: '0.4.0',
      interfaces: [
        { name: 'br0', mac: await macOf('br0') },
        await hostMac(),
        { name: 'eth0', mac: await macOf('eth0', one), sandbox: one.path },
      ],
      dns: {},
    });
    await succeed(world, 'bridge', { netns: two, containerId: 'two', config: { ...config, ipam: {} } });
    await world.ip('address add 10.5.0.1/24 dev eth0', one);
    await world.ip('address add 10.5.0.2/24 dev eth0', two);
    expect(await world.ping(one, '10.5.0.2')).to.equal(true);
  });
});
