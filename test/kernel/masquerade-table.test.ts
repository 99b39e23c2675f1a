import { expect } from 'chai';
import { masquerade } from '../../lib/plugins/masquerade';
import { contents, listing, masqueraded, networkOn, nft, sourceOf, table } from '../support/masquerading';
import { type Config, succeed } from '../support/network';
import { installedPlugins, referencePlugins } from '../support/plugins';
import { createWorld, type World } from '../support/world';

describe("ipMasq's table", () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  const addPods = async (config: Config, ...containers: string[]) => {
    for (const containerId of containers)
      await succeed(world, 'bridge', { netns: await world.addPod(), containerId, config });
  };

  it('says in words what it does and whose each address is', async () => {
    await addPods(masqueraded(), 'c1');
    const [set4, set6] = masquerade('net', 'c1', 'eth0', ['10.1.2.2/24', 'fd00:1:2::2/64']).ensure?.sets ?? [];
    expect(set4?.name).to.match(/^pods_net_[a-z2-7]{10}$/);
    expect((await listing(world)).replaceAll(/\s+/g, ' ').trim()).to.equal(
      [
        `table ${table} { comment "trestle schema 1"`,
        `set ${set4?.name} { type ipv4_addr comment "subnet 10.1.2.0/24 of network net" elements = { 10.1.2.2 comment "c1 eth0" } }`,
        `set ${set6?.name} { type ipv6_addr comment "subnet fd00:1:2::/64 of network net" elements = { fd00:1:2::2 comment "c1 eth0" } }`,
        'chain postrouting { type nat hook postrouting priority srcnat + 5; policy accept;',
        `ip saddr @${set4?.name} ip daddr != 10.1.2.0/24 ip daddr != 224.0.0.0/4 masquerade comment "${set4?.name}"`,
        `ip6 saddr @${set6?.name} ip6 daddr != fd00:1:2::/64 ip6 daddr != ff00::/8 masquerade comment "${set6?.name}" } }`,
      ].join(' '),
    );
  });

  it('can be saved and restored by an administrator', async () => {
    await addPods(masqueraded(), 'c1');
    const saved = await listing(world);
    await nft(world, `delete table ${table}\n${saved}`);
    expect(await listing(world)).to.equal(saved);
  });

  it('has one set and one rule for each network and subnet, with one pod and with ten', async () => {
    await addPods(masqueraded(), 'c0');
    expect(await contents(world)).to.include({ sets: 2, rules: 2 });
    await addPods(masqueraded(), ...Array.from({ length: 9 }, (_, index) => `c${index + 1}`));
    const { sets, rules, elements } = await contents(world);
    expect({ sets, rules }).to.deep.equal({ sets: 2, rules: 2 });
    expect(elements).to.include.members(['10.1.2.2 c0 eth0', '10.1.2.11 c9 eth0', 'fd00:1:2::b c9 eth0']);
    expect(elements).to.have.length(20);
  });

  it('has one set and one rule for all addresses that come without a subnet', async () => {
    const env = { CNI_PATH: `${installedPlugins}:${referencePlugins}` };
    for (const index of [1, 2, 3]) {
      const addresses = [{ address: `10.5.0.${index}/32` }, { address: `fd00:5::${index}/128` }];
      const config = masqueraded({ isDefaultGateway: false, ipam: { type: 'static', addresses } });
      const call = { netns: await world.addPod(), containerId: `c${index}`, config, env };
      const prevResult = await succeed(world, 'bridge', call);
      await succeed(world, 'bridge', { ...call, command: 'CHECK', config: { ...config, prevResult } });
    }
    const { elements, ...counts } = await contents(world);
    expect(counts).to.deep.equal({ sets: 2, rules: 2 });
    expect(elements).to.have.length(6);
  });

  it('is the same with whatever ipMasqBackend, and iptables gets no rule', async () => {
    const listings = new Set<string>();
    for (const change of [{}, { ipMasqBackend: 'iptables' }, { ipMasqBackend: 'nftables' }, { ipMasqBackend: '' }]) {
      const call = { netns: await world.addPod(), config: masqueraded(change) };
      await succeed(world, 'bridge', call);
      listings.add((await listing(world)).replaceAll(/10\.1\.2\.\d+|fd00:1:2::\w+ /g, 'IP'));
      expect((await world.run('nft', ['list', 'tables'])).stdout).to.equal(`table ${table}\n`);
      await succeed(world, 'bridge', { ...call, command: 'DEL' });
    }
    expect(listings.size).to.equal(1);
  });
});

describe("ipMasq's table and the names of networks", () => {
  let world: World;

  before(async () => {
    world = await createWorld();
  });

  after(() => world.close());

  const long = 'n'.repeat(150);
  const names = ['x', 'a.b-c_d.', `${long}-one`, `${long}-two`, 'y'.repeat(200)];
  const networks = names.map((name, index) =>
    networkOn(`br${index}`, name, `10.${index}.0.0/16`, `fd00:${index}::/64`),
  );

  it('masquerades, checks, collects and removes each, however long or alike they are', async () => {
    const outside = await world.addOutside();
    const far = await Promise.all(outside.ips.map((ip) => world.echo(outside, ip)));
    const calls = [];
    for (const config of networks) {
      const call = { netns: await world.addPod(), containerId: 'same', config };
      const prevResult = await succeed(world, 'bridge', call);
      await succeed(world, 'bridge', { ...call, command: 'CHECK', config: { ...config, prevResult } });
      for (const [index, peer] of far.entries())
        expect(await sourceOf(world, call.netns, peer)).to.equal(outside.hostIps[index]);
      calls.push(call);
    }
    const { elements, ...counts } = await contents(world);
    expect(counts).to.deep.equal({ sets: 10, rules: 10 });
    expect(elements).to.have.length(10);
    for (const call of calls) await succeed(world, 'bridge', { ...call, command: 'DEL' });
    expect((await contents(world)).elements).to.deep.equal([]);
  });

  it('GC of one takes nothing from another whose name begins alike', async () => {
    for (const config of networks)
      await succeed(world, 'bridge', { netns: await world.addPod(), containerId: 'one', config });
    const before = (await contents(world)).elements;
    await collect(networks[2]);
    const { elements } = await contents(world);
    expect(before.filter((element) => !elements.includes(element))).to.deep.equal([
      '10.2.0.3 one eth0',
      'fd00:2::3 one eth0',
    ]);
  });

  it('GC finds what has no record', async () => {
    await world.run('rm', ['-r', '/run/trestle/attachments']);
    await collect(networks[4]);
    const { elements } = await contents(world);
    expect(elements).to.include('10.3.0.3 one eth0').and.not.include('10.4.0.3 one eth0');
    expect(elements).to.not.include('fd00:4::3 one eth0');
  });

  const collect = (config: Config | undefined) =>
    succeed(world, 'bridge', {
      command: 'GC',
      config: { ...config, cniVersion: '1.1.0', 'cni.dev/valid-attachments': [] },
    });
});
