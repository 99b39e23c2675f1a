import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping } from '../support/leftovers';
import { bridgeNetwork, type Config, hostEndOf, refusal, succeed } from '../support/network';
import type { Pod } from '../support/peers';
import { type CniCall, referencePlugins } from '../support/plugins';
import type { Snapshot } from '../support/snapshot';
import { createWorld, type World } from '../support/world';

/** On a node that has a pod of the network already, which no DEL of another may touch. */
describe('DEL of bridge', () => {
  let world: World;
  let pod: Pod;
  let before: Snapshot;
  const call = (changes: Config = {}) => ({ netns: pod, containerId: 'one', config: bridgeNetwork(changes) });

  beforeEach(async () => {
    world = await createWorld();
    await succeed(world, 'bridge', { netns: await world.addPod(), containerId: 'zero', config: bridgeNetwork() });
    pod = await world.addPod();
    before = await world.snapshot();
  });

  afterEach(() => world.close());

  const add = (changes: Config = {}, plugins?: string) =>
    succeed(world, 'bridge', { ...call(changes), ...(plugins && { plugins }) });

  /** A DEL that succeeds and after which all is as before the ADD. What it says on stderr. */
  async function delAll(del: CniCall = call()): Promise<string> {
    const { code, stdout, stderr } = await world.cni('bridge', { ...del, command: 'DEL' });
    expect({ code, stdout }, stderr).to.deep.equal({ code: 0, stdout: '' });
    // Sysctls of a pod's namespace stay as an ADD has set them; they end with it.
    const allow = [...bookkeeping, new RegExp(`^namespaces ${pod.name} sysctls net/ipv6/conf/lo/disable_ipv6`)];
    if (!(await podIsThere())) allow.push(new RegExp(`^namespaces ${pod.name}: removed`));
    expectUnchanged(before, await world.snapshot(), { allow });
    return stderr;
  }

  const podIsThere = async () => (await world.run('ls', ['/run/netns'])).stdout.split('\n').includes(pod.name);
  const records = () => world.path('/run/trestle/attachments');
  const without = ({ netns: _, ...rest }: CniCall): CniCall => rest;

  it('removes everything, and does so again', async () => {
    await add();
    expect(await delAll()).to.equal('');
    expect(await delAll()).to.equal('');
  });

  it('of what was never added succeeds', async () => {
    expect(await delAll()).to.equal('');
    expect(await delAll(without(call()))).to.equal('');
    expect(await delAll({ ...call({ bridge: 'br9', name: 'other' }), netns: '/run/netns/gone' })).to.equal('');
  });

  it('succeeds when the namespace is gone', async () => {
    await add();
    await world.removePod(pod);
    expect(await delAll()).to.equal('');
  });

  it('needs neither CNI_NETNS nor prevResult', async () => {
    await add();
    expect(await delAll(without(call()))).to.equal('');
    await add();
    expect(await delAll({ ...without(call()), env: { CNI_NETNS: '' } })).to.equal('');
  });

  describe('where the record is lost', () => {
    const lose = () => world.run('rm', ['-rf', '/run/trestle']);
    /** The other pod's record is lost with it. */
    const lost = [/^files \/run\/trestle\/attachments\/.*removed/];

    async function delUnrecorded(del: CniCall = call()): Promise<void> {
      await lose();
      await succeed(world, 'bridge', { ...del, command: 'DEL' });
      expectUnchanged(before, await world.snapshot(), { allow: [...bookkeeping, ...lost] });
    }

    it('works from the names alone', async () => {
      await add();
      await delUnrecorded(without(call()));
    });

    it('works from prevResult', async () => {
      const prevResult = await add();
      await delUnrecorded(without(call({ prevResult })));
    });

    it('works with a configuration that has something wrong in it', async () => {
      await add();
      await delUnrecorded(call({ mtu: 'large', hairpinMode: 'on', vlan: {} }));
    });

    it('leaves links alone that have the names it looks for, and other MACs or another kind', async () => {
      const prevResult = await add();
      const hostEnd = hostEndOf(prevResult);
      await world.ip(`link delete ${hostEnd}`);
      await world.ip(`link add ${hostEnd} address 02:00:00:00:00:77 type veth peer name other`);
      await world.ip('link add eth0 type bridge', pod);
      await lose();
      await succeed(world, 'bridge', { ...call({ prevResult }), command: 'DEL' });
      expect((await world.ip(`link show ${hostEnd}`))[0].address).to.equal('02:00:00:00:00:77');
      expect(await world.ip('link show eth0', pod)).to.have.length(1);
      expect(await world.ip('link show br0')).to.have.length(1);
    });

    it('leaves what the names do not mean', async () => {
      await add();
      await lose();
      await succeed(world, 'bridge', { ...call({ name: 'other' }), command: 'DEL', netns: '/proc/self/ns/net' });
      expect(await world.ping(pod, '10.1.2.1')).to.equal(true);
    });
  });

  it('removes what the reference made, by namespace and by prevResult, and the reference removes ours', async () => {
    const network = { dns: {} };
    await add(network, referencePlugins);
    await succeed(world, 'bridge', { ...call(network), command: 'DEL' });
    const prevResult = await add(network, referencePlugins);
    await succeed(world, 'bridge', { ...without(call({ prevResult })), command: 'DEL' });
    await add(network);
    await succeed(world, 'bridge', { ...call(network), command: 'DEL', plugins: referencePlugins });
    const links = (await world.ip('link show')).map(({ ifname }) => ifname);
    expect(links).to.have.length(3);
    expect((await world.run('ls', ['/var/lib/cni/networks/net'])).stdout).to.equal(
      '10.1.2.2\nfd00:1:2::2\nlast_reserved_ip.0\nlast_reserved_ip.1\nlock\n',
    );
  });

  const broken: [string, Config][] = [
    ['wrong types', { mtu: 'large', isGateway: 'yes', dns: 5 }],
    ['a wrong VLAN ID', { vlan: -1 }],
    ['a VLAN that the bridge does not filter', { vlan: 100 }],
    ['hairpin and promiscuous mode', { hairpinMode: true, promiscMode: true }],
    ['an IPAM plugin that is nowhere', { ipam: { type: 'nosuch' } }],
    ['an IPAM plugin that is none', { ipam: { type: 'bridge' } }],
    ['an IPAM plugin with a path for a name', { ipam: { type: '../../x' } }],
    ['no IPAM at all', { ipam: 7 }],
    ['a broken prevResult', { prevResult: { ips: 'none' } }],
    ['a broken range', { ipam: { type: 'host-local', ranges: [[{ subnet: 'x' }]] } }],
  ];
  for (const [what, changes] of broken) {
    it(`succeeds with ${what} in the configuration, attached or not`, async () => {
      await add();
      await delAll(call(changes));
      await delAll(call(changes));
    });
  }

  it('warns of what is wrong in a configuration that it needs', async () => {
    expect(await delAll(call({ mtu: 'large' }))).to.include('"mtu": expected 0 or a whole number');
    expect(await delAll(call({ ipam: { type: 'nosuch' } }))).to.equal(
      'trestle: there is no IPAM plugin "nosuch" that could be asked to release an address\n',
    );
  });

  it('fails for what cannot be decoded, for a wrong version, and for wrong names, and changes nothing', async () => {
    await add();
    const attached = await world.snapshot();
    const codes = [];
    for (const wrong of [
      { config: '{' },
      { config: call({ cniVersion: '9' }).config },
      { containerId: '../x' },
      { ifname: 'a/b' },
    ]) {
      codes.push((await refusal(world, 'bridge', { ...call(), command: 'DEL', ...wrong })).code);
    }
    expect(codes).to.deep.equal([6, 1, 4, 4]);
    expectUnchanged(attached, await world.snapshot());
  });

  /** Rewrites the record of the pod as if something else had happened to its ADD. */
  async function rewriteRecord(changes: object): Promise<void> {
    for (const name of readdirSync(records())) {
      const path = `${records()}/${name}`;
      const isOurs = readFileSync(path, 'utf8').includes('"containerId":"one"');
      if (isOurs) appendFileSync(path, `${JSON.stringify(changes)}\n`);
    }
  }

  it('clears what an ADD left that did not get to its end', async () => {
    await add();
    await rewriteRecord({ state: 'incomplete' });
    await delAll();
  });

  it('after a reboot gives the address back', async () => {
    await add();
    await rewriteRecord({ bootId: '11111111-2222-3333-4444-555555555555' });
    await world.removePod(pod);
    await world.run('touch', ['-d', '2020-01-01', '/var/lib/cni/networks/net/10.1.2.3']);
    await delAll();
  });

  it("leaves a foreign link alone that has taken the host end's name", async () => {
    const hostEnd = hostEndOf(await add());
    await world.ip(`link delete ${hostEnd}`);
    await world.ip(`link add ${hostEnd} address 02:00:00:00:00:77 type veth peer name other`);
    await succeed(world, 'bridge', { ...call(), command: 'DEL' });
    expect((await world.ip(`link show ${hostEnd}`))[0].address).to.equal('02:00:00:00:00:77');
    expect(readdirSync(records())).to.have.length(1);
  });

  it("leaves the host's interfaces alone when CNI_NETNS is the caller's own, with and without a record", async () => {
    await add();
    await world.ip('link add eth0 type veth peer name other');
    const own = { ...call(), netns: '/proc/self/ns/net' };
    const { code, stderr } = await world.cni('bridge', { ...own, command: 'DEL' });
    expect({ code, stderr }).to.deep.equal({
      code: 0,
      stderr:
        "trestle: plugin's netns and netns from CNI_NETNS should not be the same; /proc/self/ns/net; its inside is left alone\n",
    });
    await succeed(world, 'bridge', { ...own, command: 'DEL' });
    const links = await world.ip('link show type veth');
    expect(links.map(({ ifname }) => ifname)).to.include.members(['eth0', 'other']);
    expect(links).to.have.length(3);
  });
});
