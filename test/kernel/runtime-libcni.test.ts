import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { sharedObjects } from '../support/leftovers';
import { buildLibcni, libcni } from '../support/libcni';
import { bridgeNetwork, ipsOf } from '../support/network';
import { installedPlugins, referencePlugins } from '../support/plugins';
import { addRecorder } from '../support/recorder';
import { output } from '../support/run';
import type { Snapshot } from '../support/snapshot';
import { configure, containerIdOf, trestle } from '../support/trestle';
import { createWorld, type World } from '../support/world';

const { cniVersion, name, ...bridge } = bridgeNetwork({ ipMasq: true, capabilities: { ips: true, mac: true } });
const env = {
  CNI_PATH: `${installedPlugins}:${referencePlugins}:/run/bin`,
  CAP_ARGS: '{"ips": ["10.1.2.77/24", "fd00:1:2::77/64"], "mac": "02:00:00:00:00:77", "unused": {"a": [1]}}',
  CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAME=web',
};

/** Either of the two runtimes. */
type Runtime = typeof libcni;
const runtimes: Record<string, Runtime> = { libcni, trestle };

describe('What one of libcni and trestle has attached', () => {
  let world: World;
  let clean: Snapshot;

  before(async function () {
    this.timeout(120_000);
    await buildLibcni();
    world = await createWorld();
    await world.addPod('blue');
    configure(world, 'net.conflist', { cniVersion, name, plugins: [bridge, { type: 'tuning', mtu: 1400 }] });
    configure(world, 'single.conf', { cniVersion, ...bridge, name: 'single' });
    for (const command of ['add', 'del']) await succeed(trestle, command, 'net');
    clean = await world.snapshot();
  });

  after(() => world.close());

  async function succeed(runtime: Runtime, command: string, network: string, more: Record<string, string> = env) {
    const ran = await runtime(world, `${command} ${network} /run/netns/blue`, more);
    expect({ code: ran.code, stderr: ran.stderr }, command).to.deep.equal({ code: 0, stderr: '' });
    return ran.stdout;
  }

  const results = () => readdirSync(world.path('/var/lib/cni/results'));

  const expectNothingLeft = async (...allow: RegExp[]) => {
    expect(results()).to.deep.equal([]);
    expectUnchanged(clean, await world.snapshot(), { allow: [...sharedObjects('br0'), ...allow] });
  };

  /** What is in the cache; what differs from one attachment to the next is made the same. */
  function cached() {
    const [file = ''] = results();
    const text = readFileSync(world.path(`/var/lib/cni/results/${file}`), 'utf8');
    const { config, ...rest } = JSON.parse(
      text.replaceAll(/"veth\w+"/g, '"veth"').replaceAll(/"mac":"[^"]*"/g, '"mac":""'),
    );
    return { file, config: JSON.parse(Buffer.from(config, 'base64').toString()), ...rest };
  }

  for (const network of ['net', 'single']) {
    for (const [one, other] of [
      ['libcni', 'trestle'],
      ['trestle', 'libcni'],
    ] as const) {
      it(`the other can check and detach: ${network}, added by ${one}`, async () => {
        const result = JSON.parse(await succeed(runtimes[one] as Runtime, 'add', network));
        expect(ipsOf(result)).to.deep.equal(['10.1.2.77', 'fd00:1:2::77']);
        await succeed(runtimes[other] as Runtime, 'check', network);
        await succeed(runtimes[other] as Runtime, 'del', network);
        await expectNothingLeft();
      });
    }

    it(`is kept in the same way: ${network}`, async () => {
      await succeed(libcni, 'add', network);
      const theirs = cached();
      await succeed(libcni, 'del', network);
      await succeed(trestle, 'add', network);
      const ours = cached();
      // An empty one is none. The namespace is kept by libcni, too, from its version 1.2 on.
      ours.result.dns ??= {};
      expect(ours).to.deep.equal({ ...theirs, netns: '/run/netns/blue' });
      expect(theirs).to.include({ kind: 'cniCacheV1', containerId: containerIdOf('/run/netns/blue') });
      const [mode] = (await output('stat', ['-c', '%a', world.path(`/var/lib/cni/results/${ours.file}`)])).split('\n');
      expect(mode).to.equal('600');
      await succeed(trestle, 'del', network);
    });
  }

  it('is checked and detached with the arguments of its ADD', async () => {
    await succeed(libcni, 'add', 'net');
    const { CNI_PATH } = env;
    for (const command of ['check', 'del']) await succeed(trestle, command, 'net', { CNI_PATH });
    await expectNothingLeft();
  });

  it('trestle gc ends as it would its own: libcni 1.1 keeps no namespace, but the result tells it', async () => {
    await succeed(libcni, 'add', 'net');
    expect(await trestle(world, 'gc net --live', env)).to.include({ code: 0, stderr: '' });
    expect(results()).to.have.length(1);
    expect(await trestle(world, 'gc net', env)).to.include({ code: 0, stderr: '' });
    await expectNothingLeft();
    await succeed(libcni, 'add', 'net');
    await world.ip('netns delete blue');
    expect(await trestle(world, 'gc net --live', env)).to.include({ code: 0, stderr: '' });
    await world.addPod('blue');
    // Debian's tuning forgets what it has changed in a namespace only where that is there.
    await expectNothingLeft(/^files \/run\/cni\/tuning\//);
  });

  it('or failed to, both say in the same words', async () => {
    addRecorder(world, 'bad', 'echo \'{"code": 111, "msg": "no luck", "details": "today"}\'; exit 1');
    for (const [type, command] of [
      ['bad', 'add'],
      ['bad', 'del'],
      ['none', 'add'],
    ]) {
      configure(world, 'bad.conflist', { cniVersion, name: 'bad', plugins: [{ type }] });
      const told = await Promise.all(
        [libcni, trestle].map(async (runtime) => {
          const { stderr } = await runtime(world, `${command} bad /run/netns/blue`, env);
          return stderr
            .trim()
            .split('\n')
            .at(-1)
            ?.replace(/^trestle: /, '');
        }),
      );
      expect(told[1]).to.equal(told[0]);
    }
  });
});
