import { join } from 'node:path';
import { expect } from 'chai';
import { recordName } from '../../lib/plugin/records';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping, sharedObjects } from '../support/leftovers';
import {
  addIpam,
  bridgeNetwork,
  type Config,
  hostLocal,
  ipamCalls,
  ipamPath,
  refusal,
  succeed,
} from '../support/network';
import type { Pod } from '../support/peers';
import { cniEnvironment } from '../support/plugins';
import { createWorld, type World } from '../support/world';

/** An address as an IPAM plugin prints it, on a network that bridgeNetwork's bridge can be the gateway of. */
const address = '{"cniVersion":"1.0.0","ips":[{"address":"10.1.2.9/24","gateway":"10.1.2.1"}]';
const notes = /^files \/run\/ipam\.log: /;

describe('an ADD of bridge that fails half-way', () => {
  let world: World;
  let pod: Pod;

  beforeEach(async () => {
    world = await createWorld();
    pod = await world.addPod();
  });

  afterEach(() => world.close());

  /** The error of an ADD whose IPAM plugin does as the script says, and the calls which that got. Nothing may be left. */
  async function addWith(script: string, changes: Config = {}) {
    const ipam = addIpam(world, 'foreign', script);
    const before = await world.snapshot();
    const call = { netns: pod, containerId: 'one', config: bridgeNetwork({ ipam, ...changes }), env: ipamPath(world) };
    const { code, msg } = await refusal(world, 'bridge', call);
    expectUnchanged(before, await world.snapshot(), { allow: [notes, ...sharedObjects('br0')] });
    return { code, msg, calls: ipamCalls(world) };
  }

  it('because the IPAM plugin refuses: its own error, and no DEL for what it never gave', async () => {
    const error = await addWith(`echo '{"code":123,"msg":"none left","details":"of any"}'; exit 1`);
    expect(error).to.deep.equal({ code: 123, msg: 'none left', calls: ['ADD one eth0'] });
  });

  it('because the IPAM plugin ends without a word: an error that says so', async () => {
    const { code, msg } = await addWith('exit 3');
    expect({ code, msg }).to.deep.equal({
      code: 999,
      msg: 'netplugin failed with no error message: exit status 3',
    });
  });

  it('because the IPAM plugin succeeds with garbage: it is told to DEL', async () => {
    const { code, msg, calls } = await addWith('echo garbage');
    expect(code).to.equal(6);
    expect(msg).to.include('invalid result of "foreign": ');
    expect(calls).to.deep.equal(['ADD one eth0', 'DEL one eth0']);
  });

  it('because the IPAM plugin gives no address: it is told to DEL', async () => {
    const { msg, calls } = await addWith(`echo '{"cniVersion":"1.0.0","dns":{}}'`);
    expect(msg).to.equal('IPAM plugin returned missing IP config');
    expect(calls).to.deep.equal(['ADD one eth0', 'DEL one eth0']);
  });

  it('because the version has no room for two addresses of a family: the IPAM plugin is told to DEL', async () => {
    const two = '{"cniVersion":"1.0.0","ips":[{"address":"10.1.2.9/24"},{"address":"10.1.2.10/24"}]}';
    expect(await addWith(`echo '${two}'`, { cniVersion: '0.2.0', isDefaultGateway: false })).to.deep.equal({
      code: 7,
      msg: 'CNI version 0.2.0 does not support more than 1 address per family',
      calls: ['ADD one eth0', 'DEL one eth0'],
    });
  });

  it('because a route leads nowhere: the pair goes, and the IPAM plugin is told to DEL', async () => {
    const { code, msg, calls } = await addWith(`echo '${address},"routes":[{"dst":"192.0.2.0/24","gw":"10.99.0.1"}]}'`);
    expect(code).to.equal(999);
    expect(msg).to.match(/^add route 192\.0\.2\.0\/24 via 10\.99\.0\.1 .*: ENETUNREACH \(Network is unreachable\)/);
    expect(calls).to.deep.equal(['ADD one eth0', 'DEL one eth0']);
  });

  it('because what the IPAM plugin gives is no route: it is told to DEL', async () => {
    const { calls } = await addWith(
      `[ "$CNI_COMMAND" = DEL ] || echo '${address},"routes":[{"dst":"not-an-address"}]}'`,
    );
    expect(calls).to.deep.equal(['ADD one eth0', 'DEL one eth0']);
  });

  it('and whose IPAM plugin then fails to DEL: the first error is told, and the next DEL tries again', async () => {
    const ipam = addIpam(
      world,
      'foreign',
      `[ "$CNI_COMMAND" = ADD ] && echo garbage || { [ -e /run/well ] || exit 1; }`,
    );
    const call = { netns: pod, containerId: 'one', config: bridgeNetwork({ ipam }), env: ipamPath(world) };
    const { code, stderr } = await world.cni('bridge', call);
    expect(code).to.equal(1);
    expect(stderr).to.include('left for the next ADD or DEL to clear: release the address: ');
    expect((await refusal(world, 'bridge', { ...call, command: 'DEL' })).code).to.equal(999);
    await world.run('touch', ['/run/well']);
    await succeed(world, 'bridge', { ...call, command: 'DEL' });
    expect(ipamCalls(world)).to.deep.equal(['ADD one eth0', 'DEL one eth0', 'DEL one eth0', 'DEL one eth0']);
    expect((await world.run('ls', ['/run/trestle/attachments'])).stdout).to.equal('');
  });

  it('because its record cannot be written, at whatever moment: no link and no lease is left', async () => {
    const call = { netns: pod, containerId: 'one', config: bridgeNetwork() };
    await succeed(world, 'bridge', { ...call, netns: await world.addPod(), containerId: 'zero' });
    const before = await world.snapshot();
    const plugin = join(world.plugins, 'bridge');
    const key = { network: 'net', containerId: 'one', ifname: 'eth0' };
    const record = `/run/trestle/attachments/${recordName(key, 'bridge')}`;
    for (let nth = 1; ; nth += 1) {
      const inject = `inject=write:error=ENOSPC:when=${nth}`;
      const full = ['-f', '-o', '/dev/null', '-P', record, '-e', 'trace=write', '-e', inject];
      const ran = await world.run('strace', [...full, plugin], {
        env: cniEnvironment(call, world.plugins),
        input: JSON.stringify(call.config),
      });
      if (ran.code === 0) {
        expect(nth, 'writes that failed').to.equal(4);
        return;
      }
      expect(ran.stdout).to.include('ENOSPC');
      expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
    }
  });

  it('because the bridge has no room for another port: EXFULL by name, and nothing is left', async () => {
    await world.ip('link add br0 type bridge');
    await world.ip('link set br0 up');
    const ports = Array.from({ length: 1023 }, (_, i) => `link add p${i} master br0 type veth peer name q${i}\n`);
    await world.run('ip', ['-batch', '-'], { input: ports.join('') });
    const state = async () => [
      (await world.ip('link show')).map(({ ifname }) => ifname),
      (await world.run('find', ['/var/lib/cni', '/run', '-type', 'f'])).stdout,
      (await world.ip('link show', pod)).length,
    ];
    const call = { netns: pod, config: bridgeNetwork({ ipam: hostLocal() }) };
    await refusal(world, 'bridge', call);
    const before = await state();
    const { code, msg } = await refusal(world, 'bridge', call);
    expect(code).to.equal(999);
    expect(msg).to.match(/^add veth pair .*: EXFULL/);
    expect(await state()).to.deep.equal(before);
    expect((await world.run('ls', ['/var/lib/cni/networks/net', '/run/trestle/attachments'])).stdout).to.not.match(
      /^10\.|json/m,
    );
  });

  it('leaves a network that works for the next one', async () => {
    await addWith(`echo '${address},"routes":[{"dst":"192.0.2.0/24","gw":"10.99.0.1"}]}'`);
    const before = await world.snapshot();
    const call = { netns: pod, config: bridgeNetwork() };
    await succeed(world, 'bridge', call);
    expect(await world.ping(pod, '10.1.2.1')).to.equal(true);
    await succeed(world, 'bridge', { ...call, command: 'DEL' });
    expectUnchanged(before, await world.snapshot(), { allow: [...bookkeeping, ...sharedObjects('br0')] });
  });
});
