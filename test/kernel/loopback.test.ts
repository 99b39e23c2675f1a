import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bridgeNetwork, refusal, succeed } from '../support/network';
import type { Pod } from '../support/peers';
import { createWorld, type World } from '../support/world';

describe('loopback', () => {
  let world: World;
  let pod: Pod;

  beforeEach(async () => {
    world = await createWorld();
    pod = await world.addPod();
  });

  afterEach(() => world.close());

  const call = (changes: object = {}) => ({
    netns: pod,
    ifname: 'lo',
    config: { cniVersion: '1.0.0', name: 'lo-net', type: 'loopback', ...changes },
  });
  const state = async () => (await world.ip('link show lo', pod))[0].flags.includes('UP');
  const lo = { name: 'lo', mac: '00:00:00:00:00:00' };

  for (const cniVersion of ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']) {
    it(`brings lo up and tells its addresses in the shape of version ${cniVersion}`, async () => {
      const result = await succeed(world, 'loopback', call({ cniVersion }));
      expect(await world.ping(pod, '127.0.0.1')).to.equal(true);
      expect(await world.ping(pod, '::1')).to.equal(true);
      const numbered = ['0.3.0', '0.3.1', '0.4.0'].includes(cniVersion);
      if (cniVersion < '0.3.0') {
        expect(result).to.deep.equal({ cniVersion, ip4: { ip: '127.0.0.1/8' }, ip6: { ip: '::1/128' }, dns: {} });
        return;
      }
      expect(result).to.deep.equal({
        cniVersion,
        interfaces: [{ ...lo, sandbox: pod.path }],
        ips: [
          { ...(numbered && { version: '4' }), interface: 0, address: '127.0.0.1/8' },
          { ...(numbered && { version: '6' }), interface: 0, address: '::1/128' },
        ],
        ...(numbered && { dns: {} }),
      });
    });
  }

  it('needs no network name, as containerd calls it', async () => {
    await succeed(world, 'loopback', { ...call(), config: { cniVersion: '0.3.1', type: 'loopback' } });
    expect(await state()).to.equal(true);
  });

  it('works on lo whatever CNI_IFNAME says', async () => {
    const result = await succeed(world, 'loopback', { ...call(), ifname: 'eth0' });
    expect(result.interfaces).to.deep.equal([{ ...lo, sandbox: pod.path }]);
    expect(await state()).to.equal(true);
  });

  it('passes prevResult on as it came', async () => {
    const prevResult = {
      cniVersion: '1.0.0',
      interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', sandbox: pod.path }],
      ips: [{ interface: 0, address: '10.1.2.3/24', gateway: '10.1.2.1' }],
      routes: [{ dst: '0.0.0.0/0', gw: '10.1.2.1' }],
      dns: { nameservers: ['10.1.2.53'] },
    };
    expect(await succeed(world, 'loopback', call({ prevResult }))).to.deep.equal(prevResult);
    expect(await state()).to.equal(true);
  });

  it('tells and has only the IPv4 address where IPv6 is switched off', async () => {
    await world.run('sysctl', ['-w', 'net.ipv6.conf.all.disable_ipv6=1'], { in: pod });
    const result = await succeed(world, 'loopback', call());
    expect(result.ips).to.deep.equal([{ interface: 0, address: '127.0.0.1/8' }]);
    const [{ addr_info }] = await world.ip('address show lo', pod);
    expect(addr_info.map(({ local }: { local: string }) => local)).to.deep.equal(['127.0.0.1']);
    await succeed(world, 'loopback', { ...call({ prevResult: result }), command: 'CHECK' });
  });

  it('may be added twice', async () => {
    const first = await succeed(world, 'loopback', call());
    expect(await succeed(world, 'loopback', call())).to.deep.equal(first);
  });

  it('DEL takes lo down, succeeds again, without a namespace and without CNI_NETNS, and leaves nothing', async () => {
    const before = await world.snapshot();
    await succeed(world, 'loopback', call());
    await succeed(world, 'loopback', { ...call(), command: 'DEL' });
    expect(await state()).to.equal(false);
    await succeed(world, 'loopback', { ...call(), command: 'DEL' });
    expectUnchanged(before, await world.snapshot(), { allow: [/^files \/run\/trestle\/(lock)?: added/] });
    const { netns: _, ...unsaid } = call();
    await succeed(world, 'loopback', { ...unsaid, command: 'DEL' });
    await world.removePod(pod);
    await succeed(world, 'loopback', { ...call(), command: 'DEL' });
  });

  it("refuses the caller's own namespace, and a DEL leaves its lo up", async () => {
    const own = { ...call(), netns: '/proc/self/ns/net' };
    expect((await refusal(world, 'loopback', own)).code).to.equal(8);
    await succeed(world, 'loopback', { ...own, command: 'DEL' });
    expect((await world.ip('link show lo'))[0].flags).to.include('UP');
  });

  it('CHECK passes while lo is up with its address, and says what is wrong otherwise', async () => {
    const prevResult = await succeed(world, 'loopback', call());
    const check = { ...call({ prevResult }), command: 'CHECK' };
    await succeed(world, 'loopback', check);
    await world.ip('address delete 127.0.0.1/8 dev lo', pod);
    const bare = await refusal(world, 'loopback', check);
    expect(bare).to.include({ code: 101, msg: 'lo in the pod has no IPv4 address' });
    await world.ip('link set lo down', pod);
    expect((await refusal(world, 'loopback', check)).msg).to.include('lo in the pod is down');
  });

  it('GC and STATUS succeed and change nothing', async () => {
    const current = call({ cniVersion: '1.1.0' });
    await succeed(world, 'loopback', current);
    const before = await world.snapshot();
    const collected = { ...current.config, 'cni.dev/valid-attachments': [] };
    await succeed(world, 'loopback', { ...current, command: 'GC', config: collected });
    await succeed(world, 'loopback', { ...current, command: 'STATUS' });
    expectUnchanged(before, await world.snapshot());
  });

  it("runs beside the ADD and the DEL of the same container's eth0", async () => {
    const eth0 = { netns: pod, config: bridgeNetwork() };
    const both = (command: string) =>
      Promise.all([
        succeed(world, 'bridge', { ...eth0, command }),
        succeed(world, 'loopback', { ...call(), ifname: 'eth0', command }),
        succeed(world, 'loopback', { ...call(), command }),
      ]);
    await both('ADD');
    expect(await world.ping(pod, '10.1.2.1')).to.equal(true);
    expect(await state()).to.equal(true);
    await both('DEL');
    expect((await world.ip('link show', pod)).map(({ ifname }) => ifname)).to.deep.equal(['lo']);
    expect(await state()).to.equal(false);
  });
});
