import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { launchedProgram, runtimeFolder } from '../support/launched';
import { addIpam, bridgeNetwork, ipamCalls, ipamPath, refusal, succeed } from '../support/network';
import { cniAnswer, cniEnvironment, cniInput, pluginPath } from '../support/plugins';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork({ cniVersion: '1.1.0', ipMasq: true });
const STATUS = { command: 'STATUS', config };

describe('STATUS', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  async function makeReadOnly(folder: string): Promise<void> {
    const script = `mkdir -p ${folder} && mount --bind ${folder} ${folder} && mount -o remount,bind,ro ${folder}`;
    expect(await world.run('sh', ['-c', script])).to.include({ code: 0 });
  }

  it('is good on a node that was just booted, and changes nothing there', async () => {
    const before = await world.snapshot();
    await succeed(world, 'bridge', STATUS);
    await succeed(world, 'loopback', {
      command: 'STATUS',
      config: { cniVersion: '1.1.0', name: 'lo', type: 'loopback' },
    });
    await succeed(world, 'host-local', STATUS);
    expectUnchanged(before, await world.snapshot());
  });

  it('needs nothing that is about one pod', async () => {
    const env = { CNI_CONTAINERID: '', CNI_IFNAME: '', CNI_ARGS: 'not an argument' };
    for (const type of ['bridge', 'host-local']) await succeed(world, type, { ...STATUS, env });
  });

  it('is good on a node with pods', async () => {
    await succeed(world, 'bridge', { netns: await world.addPod(), config });
    const before = await world.snapshot();
    await succeed(world, 'bridge', STATUS);
    expectUnchanged(before, await world.snapshot());
  });

  it('is 50 where the state folder cannot be written, and ADD fails there', async () => {
    await makeReadOnly('/run/trestle');
    const { code, msg } = await refusal(world, 'bridge', STATUS);
    expect(code).to.equal(50);
    expect(msg).to.include('/run/trestle');
    await refusal(world, 'bridge', { netns: await world.addPod(), config });
  });

  for (const [what, folder] of [
    ['the state folder', '/run/trestle'],
    ['the folder of leases', '/var/lib/cni/networks/net'],
  ] as const) {
    it(`is 50 where ${what} is a file, and ADD fails there`, async () => {
      await world.run('sh', ['-c', `mkdir -p $(dirname ${folder}) && touch ${folder}`]);
      const { code, msg } = await refusal(world, 'bridge', STATUS);
      expect(code).to.equal(50);
      expect(msg).to.include(`${folder} is no directory`);
      await refusal(world, 'bridge', { netns: await world.addPod(), config });
    });
  }

  it("is 50 where the bridge's name is taken by something else, and ADD fails there", async () => {
    await world.ip('link add br0 type veth peer name br1');
    const { code, msg } = await refusal(world, 'bridge', STATUS);
    expect({ code, msg }).to.deep.equal({ code: 50, msg: '"br0" already exists but is not a bridge' });
    await refusal(world, 'bridge', { netns: await world.addPod(), config });
  });

  it('is 7 for a configuration that no ADD takes', async () => {
    const contradiction = { ...config, hairpinMode: true, promiscMode: true };
    for (const call of [{ command: 'STATUS' }, { netns: await world.addPod() }]) {
      const { code, msg } = await refusal(world, 'bridge', { ...call, config: contradiction });
      expect({ code, msg }).to.deep.equal({
        code: 7,
        msg: 'cannot set hairpin mode and promiscuous mode at the same time',
      });
    }
  });

  it("is what the IPAM plugin says, somebody else's by its own code", async () => {
    const script = `[ ! -e /run/full ] || { echo '{"code":150,"msg":"full","details":"no pool"}'; exit 1; }`;
    const call = { ...STATUS, config: { ...config, ipam: addIpam(world, 'foreign', script) }, env: ipamPath(world) };
    await succeed(world, 'bridge', call);
    await world.run('touch', ['/run/full']);
    expect(await refusal(world, 'bridge', call)).to.deep.equal({ code: 150, msg: 'full', details: 'no pool' });
    expect(ipamCalls(world)).to.deep.equal(['STATUS test eth0', 'STATUS test eth0']);
  });

  it('is 50 where leases cannot be written, and ADD fails there', async () => {
    await makeReadOnly('/var/lib/cni/networks');
    const { code, msg } = await refusal(world, 'bridge', STATUS);
    expect(code).to.equal(50);
    expect(msg).to.include('/var/lib/cni/networks');
    await refusal(world, 'bridge', { netns: await world.addPod(), config });
  });

  it('is 50 where the kernel has no nftables, which only ipMasq needs', async () => {
    // The first socket that STATUS opens asks for the bridge, and there is no third.
    const inject = 'inject=socket:error=EPROTONOSUPPORT:when=2+';
    const refuse = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=socket', '-e', inject];
    const status = async (ipMasq: boolean) => {
      const call = { command: 'STATUS', config: { ...config, ipMasq } };
      const plugin = pluginPath('bridge', world.plugins);
      const io = { env: cniEnvironment(call, world.plugins), input: cniInput(call) };
      return cniAnswer(await world.run('strace', [...refuse, plugin], io));
    };
    const { code, json } = await status(true);
    expect({ code, json }).to.deep.equal({
      code: 1,
      json: { code: 50, msg: 'open a netlink socket for nftables: EPROTONOSUPPORT (Protocol not supported)' },
    });
    expect(await status(false)).to.include({ code: 0, stdout: '' });
  });

  it('calls an exhausted pool a fault only where it is asked to', async () => {
    const pool = (more: object) => ({
      ...config,
      ipam: { type: 'host-local', ranges: [[{ subnet: '10.1.2.0/30' }]], ...more },
    });
    const asked = { command: 'STATUS', config: pool({ statusOnExhaustion: true }) };
    await succeed(world, 'bridge', asked);
    await succeed(world, 'bridge', { netns: await world.addPod(), config: pool({}) });
    await refusal(world, 'bridge', { netns: await world.addPod(), containerId: 'second', config: pool({}) });
    await succeed(world, 'bridge', { command: 'STATUS', config: pool({}) });
    expect(await refusal(world, 'bridge', asked)).to.include({ code: 50 });
  });

  it('is 50 when the native addon is missing, and when the IPAM plugin is', async () => {
    const launched = launchedProgram();
    try {
      rmSync(join(runtimeFolder(launched.bin), 'trestle_native.node'));
      for (const type of ['bridge', 'host-local']) {
        const { code, msg } = await refusal(world, type, { ...STATUS, plugins: launched.bin });
        expect(code, msg).to.equal(50);
        expect(msg).to.match(/^the native addon cannot be loaded: [^\n]+$/);
      }
    } finally {
      launched.remove();
    }
    const nowhere = { ...STATUS, config: { ...config, ipam: { type: 'nowhere' } } };
    expect(await refusal(world, 'bridge', nowhere)).to.include({ code: 50, msg: 'there is no IPAM plugin "nowhere"' });
  });
});
