import { expect } from 'chai';
import { bridgeNetwork, type Config, hostEndOf, hostLocal, refusal, succeed } from '../support/network';
import type { Pod } from '../support/peers';
import { referencePlugins } from '../support/plugins';
import { createWorld, type World } from '../support/world';

const routes = [{ dst: '192.0.2.0/24' }];

describe('CHECK of bridge', () => {
  let world: World;
  let pod: Pod;
  let hostEnd: string;
  let check: { command: string; netns: Pod; config: Config };

  beforeEach(async () => {
    world = await createWorld();
    pod = await world.addPod();
  });

  afterEach(() => world.close());

  /** Adds the pod, with these changes to the configuration; `check` then asks after it. */
  async function add(changes: Config = {}): Promise<void> {
    const config = bridgeNetwork({ ipam: { ...hostLocal(), routes }, ...changes });
    const prevResult = await succeed(world, 'bridge', { netns: pod, config });
    hostEnd = hostEndOf(prevResult);
    check = { command: 'CHECK', netns: pod, config: { ...config, prevResult } };
  }

  /** Runs `ip …` with HOSTEND replaced by its name. */
  const change = (command: string, place?: Pod) => world.ip(command.replaceAll('HOSTEND', hostEnd), place);

  const inPod: [string, string, string, Config?][] = [
    ['the link is down', 'link set eth0 down', 'eth0 in the pod has up false, expected true'],
    ['an IPv4 address is gone', 'address delete 10.1.2.2/24 dev eth0', 'eth0 in the pod has no address 10.1.2.2/24'],
    [
      'an IPv6 address is gone',
      'address delete fd00:1:2::2/64 dev eth0',
      'eth0 in the pod has no address fd00:1:2::2/64',
    ],
    ['a route is gone', 'route delete 192.0.2.0/24', 'eth0 in the pod has no route 192.0.2.0/24 via 10.1.2.1'],
    ['the IPv4 default route is gone', 'route delete default', 'eth0 in the pod has no route 0.0.0.0/0 via 10.1.2.1'],
    ['the IPv6 default route is gone', '-6 route delete default', 'eth0 in the pod has no route ::/0 via fd00:1:2::1'],
    [
      'the default route leads elsewhere',
      'route replace default via 10.1.2.7',
      'eth0 in the pod has no route 0.0.0.0/0 via 10.1.2.1',
    ],
    [
      'the MAC is another',
      'link set eth0 address 02:00:00:00:00:99',
      'eth0 in the pod has MAC 02:00:00:00:00:99, expected ',
    ],
    ['the MTU is another', 'link set eth0 mtu 1300', 'eth0 in the pod has MTU 1300, expected 1400', { mtu: 1400 }],
    ['the link has another name', 'link set eth0 name eth7', 'eth0 in the pod is missing'],
  ];
  const onHost: [string, string, string, Config?][] = [
    ['the host end is down', 'link set HOSTEND down', 'HOSTEND on the host is down'],
    ['the host end is no port', 'link set HOSTEND nomaster', 'HOSTEND on the host is not a port of br0'],
    [
      "the host end's MAC is another",
      'link set HOSTEND address 02:00:00:00:00:99',
      'HOSTEND on the host has MAC 02:00:00:00:00:99, expected ',
    ],
    [
      "the host end's MTU is another",
      'link set HOSTEND mtu 1300',
      'HOSTEND on the host has MTU 1300, expected 1400',
      { mtu: 1400 },
    ],
    ['the pair is gone', 'link delete HOSTEND', 'HOSTEND on the host is missing'],
    ['the bridge is gone', 'link delete br0', 'br0 on the host is missing'],
    ['the bridge is down', 'link set br0 down', 'br0 on the host has up false, expected true'],
    [
      "the bridge's MAC is another",
      'link set br0 address 02:00:00:00:00:99',
      'br0 on the host has MAC 02:00:00:00:00:99, expected ',
    ],
    [
      'the IPv4 gateway address is gone',
      'address delete 10.1.2.1/24 dev br0',
      'br0 on the host has no address 10.1.2.1/24',
    ],
    [
      'the IPv6 gateway address is gone',
      'address delete fd00:1:2::1/64 dev br0',
      'br0 on the host has no address fd00:1:2::1/64',
    ],
    [
      'the port sends nothing back',
      'link set HOSTEND type bridge_slave hairpin off',
      'HOSTEND on the host has hairpin false, expected true',
      { hairpinMode: true },
    ],
    [
      'the port is not isolated',
      'link set HOSTEND type bridge_slave isolated off',
      'HOSTEND on the host has isolated false, expected true',
      { portIsolation: true },
    ],
    [
      'the bridge is not promiscuous',
      'link set br0 promisc off',
      'br0 on the host has promisc false, expected true',
      { promiscMode: true },
    ],
  ];
  const cases = [...inPod.map((one) => [true, ...one] as const), ...onHost.map((one) => [false, ...one] as const)];
  for (const [isInPod, what, command, finding, changes] of cases) {
    it(`says, with code 101, when ${isInPod ? 'in the pod ' : ''}${what}`, async () => {
      await add(changes);
      await succeed(world, 'bridge', check);
      await change(command, isInPod ? pod : undefined);
      const { code, msg } = await refusal(world, 'bridge', check);
      expect(code, msg).to.equal(101);
      expect(msg).to.include(finding.replaceAll('HOSTEND', hostEnd));
    });
  }

  it('says, with code 101, when an address has another prefix length', async () => {
    await add();
    await change('address add 10.1.2.2/25 dev eth0', pod);
    await change('address delete 10.1.2.2/24 dev eth0', pod);
    expect((await refusal(world, 'bridge', check)).msg).to.include('eth0 in the pod has no address 10.1.2.2/24');
  });

  it('says when the bridge bears another address in place of the gateway', async () => {
    await add();
    await change('address delete 10.1.2.1/24 dev br0');
    await change('address add 10.1.2.8/24 dev br0');
    const { code, msg } = await refusal(world, 'bridge', check);
    expect({ code, msg }).to.deep.equal({
      code: 101,
      msg: 'failed to set bridge addr: "br0" already has an IP address different from 10.1.2.1/24; it has 10.1.2.8/24; "forceAddress": true replaces it',
    });
  });

  it('says when the lease is gone, in the words of the IPAM plugin', async () => {
    await add();
    await world.run('rm', ['/var/lib/cni/networks/net/10.1.2.2']);
    const { code, msg, details } = await refusal(world, 'bridge', check);
    expect({ code, msg, details }).to.deep.equal({
      code: 101,
      msg: 'host-local: Failed to find address added by container test',
      details: '10.1.2.2 is not leased to it',
    });
  });

  it('says everything at once', async () => {
    await add();
    await change('link set HOSTEND nomaster');
    await change('address delete 10.1.2.2/24 dev eth0', pod);
    const { msg } = await refusal(world, 'bridge', check);
    expect(msg.split('; ')).to.include.members([
      'eth0 in the pod has no address 10.1.2.2/24',
      `${hostEnd} on the host is not a port of br0`,
    ]);
  });

  it('fails with code 3 when the namespace is gone, and with code 7 without prevResult', async () => {
    await add();
    await world.removePod(pod);
    expect((await refusal(world, 'bridge', check)).code).to.equal(3);
    const { prevResult: _, ...config } = check.config;
    const { code, msg } = await refusal(world, 'bridge', { ...check, config });
    expect({ code, msg }).to.deep.equal({ code: 7, msg: 'required prevResult missing' });
  });

  it('does not mind what nobody promised', async () => {
    await add();
    await world.run('sysctl', ['-w', 'net.ipv4.ip_forward=0']);
    await world.run('sysctl', ['-w', 'net.ipv4.conf.eth0.arp_notify=0', 'net.ipv6.conf.eth0.keep_addr_on_down=0'], {
      in: pod,
    });
    for (const command of [
      'link set HOSTEND alias mine',
      'link set HOSTEND mtu 1400',
      'link set HOSTEND type bridge_slave hairpin on',
      'link set br0 promisc on',
      'address add fd00:77::1/64 dev br0',
      'link add extra type veth peer name extra2',
      'route add 203.0.113.0/24 dev br0',
    ]) {
      await change(command);
    }
    for (const command of [
      'link set eth0 mtu 1400',
      'address add 10.77.0.1/24 dev eth0',
      'route add 203.0.113.0/24 via 10.1.2.1',
      'route add default via 10.1.2.1 metric 500',
      'link add extra type veth peer name extra2',
    ]) {
      await change(command, pod);
    }
    await succeed(world, 'bridge', check);
  });

  it('passes for other names and MACs, if the result has them: another plugin of the chain may have changed them', async () => {
    await add();
    await change('link set eth0 address 02:00:00:00:00:99', pod);
    const { prevResult } = check.config as { prevResult: { interfaces: { mac: string }[] } };
    const [bridge, host, end] = prevResult.interfaces;
    const changed = { ...prevResult, interfaces: [bridge, host, { ...end, mac: '02:00:00:00:00:99' }] };
    await succeed(world, 'bridge', { ...check, config: { ...check.config, prevResult: changed } });
    await refusal(world, 'bridge', check);
  });

  it('passes for a pod on layer 2', async () => {
    await add({ ipam: {}, isDefaultGateway: false });
    await succeed(world, 'bridge', check);
    await change('link set HOSTEND nomaster');
    expect((await refusal(world, 'bridge', check)).code).to.equal(101);
  });

  for (const cniVersion of ['0.4.0', '1.0.0']) {
    it(`passes for a pod that the reference made, with version ${cniVersion}, and finds what is wrong with it`, async () => {
      const config = bridgeNetwork({ cniVersion, ipam: { ...hostLocal(), routes } });
      const prevResult = await succeed(world, 'bridge', { netns: pod, config, plugins: referencePlugins });
      check = { command: 'CHECK', netns: pod, config: { ...config, prevResult } };
      await succeed(world, 'bridge', check);
      await change('route delete 192.0.2.0/24', pod);
      expect((await refusal(world, 'bridge', check)).msg).to.equal(
        'eth0 in the pod has no route 192.0.2.0/24 via 10.1.2.1',
      );
    });
  }
});
