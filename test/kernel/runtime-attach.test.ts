import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping } from '../support/leftovers';
import { bridgeNetwork, hostEndOf, hostLocal, ipsOf } from '../support/network';
import { enter, type Pod } from '../support/peers';
import type { Snapshot } from '../support/snapshot';
import { added, configure, done, failed, trestle } from '../support/trestle';
import { createWorld, type World } from '../support/world';

const { cniVersion, name, ...plugin } = bridgeNetwork({ ipam: hostLocal([{ subnet: '10.1.2.0/24' }]), ipMasq: true });
const list = { cniVersion, name, plugins: [{ ...plugin, capabilities: { ips: true } }] };

describe('A script that attaches a namespace with trestle', () => {
  let world: World;
  let blue: Pod;
  let clean: Snapshot;

  before(async () => {
    world = await createWorld();
    blue = await world.addPod('blue');
    configure(world, '10-net.conflist', list);
    // Its bridge, the rules of all pods and an empty cache are there already.
    for (const command of ['add', 'del']) await done(world, `${command} net blue`);
    clean = await world.snapshot();
  });

  after(() => world.close());

  const expectNothingLeft = async () => expectUnchanged(clean, await world.snapshot(), { allow: bookkeeping });

  it('is given the result as JSON, and the network works until del', async () => {
    const result = await added(world, 'net blue');
    expect(result).to.deep.include({ cniVersion, routes: [{ dst: '0.0.0.0/0', gw: '10.1.2.1' }] });
    expect(result.interfaces[2]).to.include({ name: 'eth0', sandbox: '/run/netns/blue' });
    expect(await world.ping(blue, '10.1.2.1')).to.equal(true);
    expect(await done(world, 'check net blue')).to.equal('');
    expect(await done(world, 'del net blue')).to.equal('');
    await expectNothingLeft();
  });

  for (const [title, operand] of Object.entries({
    path: '/run/netns/blue',
    name: 'blue',
    link: '/var/run/netns/blue',
  })) {
    it(`can give the namespace by its ${title}`, async () => {
      const result = await added(world, `net ${operand}`);
      expect(result.interfaces[2].sandbox).to.equal(title === 'link' ? operand : blue.path);
      expect(await world.ip('link show dev eth0', blue)).to.have.length(1);
      await done(world, `del net ${operand}`);
      await expectNothingLeft();
    });
  }

  it('can give it by the id of a process in it', async () => {
    const process = spawn('nsenter', [...enter(world.keeper, blue), 'sleep', 'infinity']);
    await once(process, 'spawn');
    const result = await added(world, `net ${process.pid}`);
    expect(result.interfaces[2].sandbox).to.equal(`/proc/${process.pid}/ns/net`);
    expect(await world.ip('link show dev eth0', blue)).to.have.length(1);
    await done(world, `check net ${process.pid}`);
    process.kill();
    await once(process, 'close');
    await done(world, `del net ${process.pid}`);
    await expectNothingLeft();
  });

  it('can attach it twice under two names, and say which address and which interface', async () => {
    await done(world, 'add net blue');
    const args = { CNI_IFNAME: 'net1', CAP_ARGS: '{"ips": ["10.1.2.77/24"]}' };
    expect(ipsOf(await added(world, 'net blue', args))).to.deep.equal(['10.1.2.77']);
    const byArgs = { CNI_IFNAME: 'net2', CNI_ARGS: 'IgnoreUnknown=1;IP=10.1.2.78;K8S_POD_NAME=web' };
    expect(ipsOf(await added(world, 'net blue', byArgs))).to.deep.equal(['10.1.2.78']);
    for (const CNI_IFNAME of ['eth0', 'net1', 'net2']) await done(world, 'check net blue', { CNI_IFNAME });
    for (const CNI_IFNAME of ['net1', 'eth0', 'net2']) await done(world, 'del net blue', { CNI_IFNAME });
    await expectNothingLeft();
  });

  it('may run del twice, and of what was never attached', async () => {
    await done(world, 'add net blue');
    for (const _ of [1, 2]) await done(world, 'del net blue');
    await done(world, 'del net blue', { CNI_IFNAME: 'never' });
    await expectNothingLeft();
  });

  it('may run del when the namespace is gone', async () => {
    const gone = await world.addPod('gone');
    await done(world, 'add net gone');
    await world.removePod(gone);
    await done(world, 'del net gone');
    await expectNothingLeft();
  });

  it('may run del and check when the configuration is gone, or is broken: that of the ADD is used', async () => {
    const file = world.path('/run/net.d/10-net.conflist');
    for (const breakIt of [() => rmSync(file), () => configure(world, '10-net.conflist', '{')]) {
      await done(world, 'add net blue');
      breakIt();
      const checked = await trestle(world, 'check net blue');
      expect(checked).to.include({ code: 0, stdout: '' });
      expect(checked.stderr).to.match(/^trestle: no network .*; going by what was kept of the ADD$/m);
      expect(await trestle(world, 'del net blue')).to.include({ code: 0, stdout: '' });
      expect(await failed(world, 'del net blue')).to.have.property('code', 1);
      configure(world, '10-net.conflist', list);
    }
    await expectNothingLeft();
  });

  it('is told by check what is no longer as it was added', async () => {
    const result = await added(world, 'net blue');
    const [ip] = ipsOf(result);
    await world.ip('address flush dev eth0', blue);
    const [address, route] = [`has no address ${ip}/24`, 'has no route 0.0.0.0/0 via 10.1.2.1'];
    expect(await failed(world, 'check net blue')).to.deep.equal({
      code: 1,
      stderr: `trestle: plugin type="bridge" failed (check): eth0 in the pod ${address}; eth0 in the pod ${route}\n`,
    });
    await world.ip(`link delete ${hostEndOf(result)}`);
    expect((await failed(world, 'check net blue')).stderr).to.match(
      /^trestle: plugin type="bridge" failed \(check\): .*eth0/,
    );
    await done(world, 'del net blue');
    await expectNothingLeft();
  });

  it('is shown the steps with --trace, on stderr', async () => {
    const { stdout, stderr } = await trestle(world, 'add net blue --trace');
    expect(ipsOf(JSON.parse(stdout))).to.have.length(1);
    expect(stderr).to.match(/^ADD bridge eth0 {2}ipam {2}host-local ADD: 10\.1\.2\.\d+\/24 /m);
    expect(stderr.trim().split('\n').at(-1)).to.match(/^ADD bridge eth0 {2}end {3}ADD {2}done /);
    await done(world, 'del net blue');
  });

  it("can use the first tutorial's own file, of version 0.2.0", async () => {
    const ipam = { type: 'host-local', subnet: '10.22.0.0/16', routes: [{ dst: '0.0.0.0/0' }] };
    const mynet = { cniVersion: '0.2.0', name: 'mynet', type: 'bridge', bridge: 'cni0', isGateway: true, ipMasq: true };
    configure(world, '20-mynet.conf', { ...mynet, ipam });
    expect(await added(world, 'mynet blue')).to.deep.equal({
      cniVersion: '0.2.0',
      ip4: { ip: '10.22.0.2/16', gateway: '10.22.0.1', routes: [{ dst: '0.0.0.0/0' }] },
      dns: {},
    });
    expect(await world.ping(blue, '10.22.0.1')).to.equal(true);
    await done(world, 'del mynet blue');
    expect(await world.ip('link show', blue)).to.have.length(1);
  });
});
