import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { none, partsOf, whole } from '../support/attachment-parts';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping } from '../support/leftovers';
import { contents } from '../support/masquerading';
import {
  addIpam,
  bridgeNetwork,
  type Config,
  hostEndOf,
  hostLocal,
  ipamCalls,
  ipamPath,
  refusal,
  succeed,
} from '../support/network';
import { referencePlugins } from '../support/plugins';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork({ cniVersion: '1.1.0', ipMasq: true });
const leases = '/var/lib/cni/networks/net';

describe('GC', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  const gc = (valid: string[], network: Config = config) => ({
    command: 'GC',
    config: { ...network, 'cni.dev/valid-attachments': valid.map((containerID) => ({ containerID, ifname: 'eth0' })) },
  });

  const attach = async (containerId: string, network: Config = config) =>
    succeed(world, 'bridge', { netns: await world.addPod(containerId), containerId, config: network });

  const remove = (path: string) => world.run('rm', ['-r', path]);
  const leased = () => readdirSync(world.path(leases)).filter((name) => /^10\./.test(name));

  it('succeeds where nothing was ever attached, twice, and makes no folder of leases', async () => {
    const before = await world.snapshot();
    for (let time = 1; time <= 2; time++) await succeed(world, 'bridge', gc([]));
    expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
    expect(existsSync(world.path('/var/lib/cni/networks'))).to.equal(false);
  });

  it('called twice finds nothing more', async () => {
    for (const pod of ['valid', 'gone']) await attach(pod);
    await succeed(world, 'bridge', gc(['valid']));
    const before = await world.snapshot();
    await succeed(world, 'bridge', gc(['valid']));
    expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
    expect(partsOf(before, 'valid')).to.deep.equal(whole);
  });

  it('removes all of a pod without the state folder, whether its namespace is there or gone', async () => {
    for (const pod of ['valid', 'stays', 'goes']) await attach(pod);
    await world.removePod({ name: 'goes', path: '/run/netns/goes' });
    await remove('/run/trestle');
    await succeed(world, 'bridge', gc(['valid']));
    const state = await world.snapshot();
    for (const pod of ['stays', 'goes']) expect(partsOf(state, pod), pod).to.deep.equal(none);
    expect(partsOf(state, 'valid')).to.deep.equal({ ...whole, record: false });
    expect((await contents(world)).elements).to.deep.equal(['10.1.2.2 valid eth0', 'fd00:1:2::2 valid eth0']);
  });

  it('releases, after a reboot, the leases of pods that are not in the list', async () => {
    mkdirSync(world.path(leases), { recursive: true });
    for (const [address, pod] of [
      ['10.1.2.2', 'valid'],
      ['10.1.2.3', 'gone'],
      ['10.1.2.4', ''],
    ]) {
      const file = world.path(`${leases}/${address}`);
      writeFileSync(file, pod === '' ? '' : `${pod}\r\neth0`);
      utimesSync(file, 1_000_000_000, 1_000_000_000);
    }
    await succeed(world, 'bridge', gc(['valid']));
    expect(leased()).to.deep.equal(['10.1.2.2']);
  });

  it('removes a record whose writer was killed over it, and leaves records of other networks and plugins', async () => {
    await attach('valid');
    const folder = world.path('/run/trestle/attachments');
    const [record = ''] = readdirSync(folder);
    for (const name of ['empty', 'begun'])
      writeFileSync(`${folder}/${name}.bridge.json`, name === 'empty' ? '' : '{"version":1,');
    const foreign = {
      version: 1,
      state: 'complete',
      network: 'other',
      type: 'bridge',
      containerId: 'x',
      ifname: 'eth0',
    };
    writeFileSync(`${folder}/other.bridge.json`, JSON.stringify(foreign));
    writeFileSync(`${folder}/other.ptp.json`, JSON.stringify({ ...foreign, network: 'net', type: 'ptp' }));
    await succeed(world, 'bridge', gc(['valid']));
    expect(readdirSync(folder).sort()).to.deep.equal([record, 'other.bridge.json', 'other.ptp.json'].sort());
  });

  it('leaves the leases of the same network in another folder', async () => {
    const there = { ...hostLocal(), dataDir: '/var/lib/cni/elsewhere' };
    const elsewhere = bridgeNetwork({ cniVersion: '1.1.0', name: 'net', ipam: there });
    mkdirSync(world.path('/var/lib/cni/elsewhere/net'), { recursive: true });
    writeFileSync(world.path('/var/lib/cni/elsewhere/net/10.1.2.9'), 'gone\r\neth0');
    await succeed(world, 'bridge', gc([]));
    expect(existsSync(world.path('/var/lib/cni/elsewhere/net/10.1.2.9'))).to.equal(true);
    await succeed(world, 'bridge', gc([], elsewhere));
    expect(existsSync(world.path('/var/lib/cni/elsewhere/net/10.1.2.9'))).to.equal(false);
  });

  it("leaves the links of the reference's pods, of which nothing says whose they are, and takes the list's word for leases", async () => {
    const theirs = bridgeNetwork();
    const netns = await world.addPod();
    const hostEnds = [];
    for (const containerId of ['valid', 'gone']) {
      const ifname = containerId;
      const made = await succeed(world, 'bridge', {
        netns,
        containerId,
        ifname,
        config: theirs,
        plugins: referencePlugins,
      });
      hostEnds.push(hostEndOf(made));
    }
    const list = [{ containerID: 'valid', ifname: 'valid' }];
    await succeed(world, 'bridge', { command: 'GC', config: { ...config, 'cni.dev/valid-attachments': list } });
    for (const name of hostEnds) expect(await world.ip(`link show ${name}`)).to.have.length(1);
    expect(leased()).to.deep.equal(['10.1.2.2']);
  });

  describe("with an IPAM plugin of somebody else's that fails", () => {
    const failing = (world: World) =>
      addIpam(
        world,
        'foreign',
        `cat >/run/stdin.$CNI_COMMAND
        case $CNI_COMMAND in
        ADD) echo '{"cniVersion":"1.1.0","ips":[{"address":"10.1.2.9/24"}]}' ;;
        *) [ ! -e /run/no.$CNI_COMMAND ] || { echo '{"code":150,"msg":"no '$CNI_COMMAND'","details":"d"}'; exit 1; } ;;
        esac`,
      );

    it('to collect: has removed everything else, and tells its error with its code', async () => {
      const network = { ...config, ipam: failing(world) };
      const env = ipamPath(world);
      const netns = await world.addPod('gone');
      await succeed(world, 'bridge', { netns, containerId: 'gone', config: network, env });
      await world.run('touch', ['/run/no.GC']);
      const call = { ...gc([], network), env };
      expect(await refusal(world, 'bridge', call)).to.deep.equal({ code: 150, msg: 'no GC', details: 'd' });
      expect(partsOf(await world.snapshot(), 'gone')).to.deep.equal(none);
      expect(JSON.parse((await world.run('cat', ['/run/stdin.GC'])).stdout)).to.deep.equal(call.config);
      expect(ipamCalls(world).map((line) => line.split(' ')[0])).to.deep.equal(['ADD', 'DEL', 'GC']);
    });

    it('to release and to collect: tells both', async () => {
      const network = { ...config, ipam: failing(world) };
      const env = ipamPath(world);
      const netns = await world.addPod('gone');
      await succeed(world, 'bridge', { netns, containerId: 'gone', config: network, env });
      await world.run('touch', ['/run/no.GC', '/run/no.DEL']);
      const { code, msg } = await refusal(world, 'bridge', { ...gc([], network), env });
      expect({ code, msg }).to.deep.equal({ code: 999, msg: 'no DEL; no GC' });
    });
  });
});
