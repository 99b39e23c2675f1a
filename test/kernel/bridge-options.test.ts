import { expect } from 'chai';
import { bridgeNetwork, type Config, hostEndOf, ipsOf, succeed } from '../support/network';
import type { Pod } from '../support/peers';
import { createWorld, type World } from '../support/world';

describe('options of bridge', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  /** A pod that was added with these changes to the configuration. */
  async function addPod(changes: Config, call: { args?: string } = {}, pod?: Pod) {
    pod ??= await world.addPod();
    const result = await succeed(world, 'bridge', {
      netns: pod,
      containerId: pod.name,
      config: bridgeNetwork(changes),
      ...call,
    });
    return { ...pod, result, ips: ipsOf({ ips: [], ...result }), hostEnd: hostEndOf(result) };
  }

  /** Name, MTU and flags of a link, and what it is as a bridge's port, as `ip` tells them. */
  async function link(name: string, place?: { path: string }) {
    const [found] = await world.ip(`-details link show dev ${name}`, place);
    return { ...found, port: found.linkinfo?.info_slave_data };
  }

  it('mtu: both ends and the new bridge have it, and the result says so', async () => {
    const pod = await addPod({ cniVersion: '1.1.0', mtu: 1380 });
    const found = [await link('br0'), await link(pod.hostEnd), await link('eth0', pod)];
    expect(found.map(({ mtu }) => mtu)).to.deep.equal([1380, 1380, 1380]);
    expect(pod.result.interfaces[2].mtu).to.equal(1380);
  });

  it('hairpinMode: the port sends back what came from it', async () => {
    expect((await link((await addPod({ hairpinMode: true })).hostEnd)).port.hairpin).to.equal(true);
    expect((await link((await addPod({})).hostEnd)).port.hairpin).to.equal(false);
  });

  it('promiscMode: the bridge is promiscuous, a new one and one that is there', async () => {
    await addPod({});
    expect((await link('br0')).flags).to.not.include('PROMISC');
    await addPod({ promiscMode: true });
    await addPod({ promiscMode: true, bridge: 'br1', name: 'other' });
    expect((await link('br0')).flags).to.include('PROMISC');
    expect((await link('br1')).flags).to.include('PROMISC');
  });

  it('portIsolation: pods do not reach each other, and do reach the gateway and a port that is not isolated', async () => {
    const [one, two] = [await addPod({ portIsolation: true }), await addPod({ portIsolation: true })];
    const open = await addPod({});
    for (const i of [0, 1]) {
      expect(await world.ping(one, two.ips[i] ?? '', { timeoutMs: 200 }), 'isolated').to.equal(false);
      expect(await world.ping(one, open.ips[i] ?? ''), 'not isolated').to.equal(true);
    }
    expect(await world.ping(one, '10.1.2.1')).to.equal(true);
    expect(await world.ping(one, 'fd00:1:2::1')).to.equal(true);
  });

  it('disableContainerInterface: the pair is made, and the end in the pod left down and bare', async () => {
    const pod = await addPod({ ipam: {}, disableContainerInterface: true });
    expect((await link('eth0', pod)).flags).to.not.include('UP');
    expect((await link(pod.hostEnd)).flags).to.include('UP');
    expect(pod.result.interfaces.map(({ name }: { name: string }) => name)).to.deep.equal(['br0', pod.hostEnd, 'eth0']);
  });

  it('enabledad: the pod and a new bridge look for duplicates of their addresses', async () => {
    // So many probes, a second apart, that they are not over when a slow machine comes to look.
    const empty = await world.addPod();
    for (const place of ['host', empty] as const) {
      await world.run('sysctl', ['--quiet', '--write', 'net.ipv6.conf.default.dad_transmits=60'], { in: place });
    }
    const pod = await addPod({ enabledad: true }, {}, empty);
    for (const [name, place] of [
      ['eth0', pod],
      ['br0', undefined],
    ] as const) {
      const [{ addr_info }] = await world.ip(`-6 address show dev ${name} scope global`, place);
      expect(addr_info[0], name).to.include({ tentative: true });
      expect(addr_info[0], name).to.not.have.property('nodad');
    }
  });

  it('without enabledad no address of either end is ever tentative, the link-local one included', async () => {
    const pod = await addPod({});
    for (const [name, place] of [
      ['eth0', pod],
      ['br0', undefined],
    ] as const) {
      expect(await world.ip(`-6 address show dev ${name} tentative`, place), name).to.deep.equal([]);
      expect((await world.ip(`-6 address show dev ${name}`, place))[0].addr_info, name).to.have.length(2);
    }
  });

  it('mac: by runtimeConfig over args over CNI_ARGS, on the link and in the result', async () => {
    const ways: [string, Config, { args?: string }][] = [
      ['02:00:00:00:00:03', {}, { args: 'IgnoreUnknown=1;MAC=02:00:00:00:00:03' }],
      [
        '02:00:00:00:00:02',
        { args: { cni: { mac: '02:00:00:00:00:02' } } },
        { args: 'IgnoreUnknown=1;MAC=02:00:00:00:00:03' },
      ],
      [
        '02:00:00:00:00:01',
        { runtimeConfig: { mac: '02-00-00-00-00-01' }, args: { cni: { mac: '02:00:00:00:00:02' } } },
        { args: 'IgnoreUnknown=1;MAC=02:00:00:00:00:03' },
      ],
    ];
    for (const [wanted, changes, call] of ways) {
      const pod = await addPod(changes, call);
      expect((await link('eth0', pod)).address).to.equal(wanted);
      expect(pod.result.interfaces[2].mac).to.equal(wanted);
    }
  });

  it('ipMasqBackend: any value is taken', async () => {
    for (const ipMasqBackend of ['iptables', 'nftables', '', null]) await addPod({ ipMasqBackend });
  });

  it('keys: are matched without regard to case, at every level', async () => {
    const pod = await world.addPod();
    const config = {
      CniVersion: '1.0.0',
      NAME: 'net',
      BRIDGE: 'br7',
      isdefaultgateway: true,
      HairpinMode: true,
      RuntimeConfig: { MAC: '02:00:00:00:00:01' },
      IPAM: { Type: 'host-local', Ranges: [[{ SubNet: '10.1.2.0/24', GateWay: '10.1.2.9' }]] },
    };
    const result = await succeed(world, 'bridge', { netns: pod, config });
    expect(result.ips).to.deep.equal([{ address: '10.1.2.1/24', gateway: '10.1.2.9', interface: 2 }]);
    expect(result.interfaces[2].mac).to.equal('02:00:00:00:00:01');
    expect((await link(hostEndOf(result))).port.hairpin).to.equal(true);
    expect((await world.ip('route show default', pod))[0].gateway).to.equal('10.1.2.9');
    expect((await world.ip('address show dev br7'))[0].addr_info[0].local).to.equal('10.1.2.9');
  });

  it("the bridge's MAC stays while ports come and go, and is no port's", async () => {
    const mac = async () => (await link('br0')).address;
    const pods = [await addPod({}), await addPod({}), await addPod({})];
    const before = await mac();
    expect(pods.map(({ result }) => result.interfaces[0].mac)).to.deep.equal([before, before, before]);
    await world.ip('link add low address 00:00:00:00:00:01 type veth peer name other-end');
    await world.ip('link set low master br0 up');
    for (const pod of pods) {
      expect((await link(pod.hostEnd)).address).to.not.equal(before);
      await succeed(world, 'bridge', { command: 'DEL', netns: pod, containerId: pod.name, config: bridgeNetwork() });
    }
    expect(await mac()).to.equal(before);
  });

  it('keeps the MAC of a bridge that somebody else made, before and after ports were in it', async () => {
    await world.ip('link add br0 type bridge');
    const mac = async () => (await link('br0')).address;
    const before = await mac();
    const first = await addPod({});
    expect([first.result.interfaces[0].mac, await mac()]).to.deep.equal([before, before]);
    const call = { netns: first, containerId: first.name };
    await succeed(world, 'bridge', { ...call, command: 'CHECK', config: bridgeNetwork({ prevResult: first.result }) });
  });

  it('gives a MAC to a bridge whose last port took it along', async () => {
    await world.ip('link add br0 type bridge');
    await world.ip('link add port address 02:00:00:00:00:01 master br0 type veth peer name other-end');
    await world.ip('link delete port');
    expect((await link('br0')).address).to.equal('00:00:00:00:00:00');
    const { result } = await addPod({});
    expect(result.interfaces[0].mac)
      .to.equal((await link('br0')).address)
      .and.to.match(/^[0-9a-f][26ae]:/);
  });
});
