import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping } from '../support/leftovers';
import { bridgeNetwork, ipsOf } from '../support/network';
import { enter } from '../support/peers';
import { addRecorder, takeCalls } from '../support/recorder';
import { PATH, run } from '../support/run';
import type { Snapshot } from '../support/snapshot';
import { configurations, configure, done, failed, trestle } from '../support/trestle';
import { createWorld, type World } from '../support/world';

const { cniVersion, name, ...bridge } = bridgeNetwork({ cniVersion: '1.1.0', ipMasq: true });
const pods = Array.from({ length: 30 }, (_, i) => `pod${i}`);

/** Stays in its ADD from /run/busy on, up to /run/go. */
const slow = `[ "$CNI_COMMAND" != ADD ] || { : >/run/busy; while [ ! -e /run/go ]; do sleep 0.01; done; }`;

describe('Several calls of trestle at once', function () {
  this.timeout(120_000);

  let world: World;
  let clean: Snapshot;

  before(async () => {
    world = await createWorld();
    for (const pod of pods) await world.addPod(pod);
    addRecorder(world, 'slow', slow);
    configure(world, 'net.conflist', { cniVersion, name, plugins: [bridge] });
    configure(world, 'slow.conflist', {
      cniVersion,
      name: 'slow',
      plugins: [{ ...bridge, bridge: 'br1' }, { type: 'slow' }],
    });
    writeFileSync(world.path('/run/go'), '');
    for (const network of ['net', 'slow']) {
      for (const command of ['add', 'del']) await done(world, `${command} ${network} pod0`);
    }
    await world.run('rm', ['/run/go', '/run/busy', '/run/calls']);
    clean = await world.snapshot();
  });

  afterEach(async () => {
    await world.run('rm', ['-f', '/run/go', '/run/busy']);
    takeCalls(world);
    expectUnchanged(clean, await world.snapshot(), { allow: bookkeeping });
  });

  after(() => world.close());

  const results = () => readdirSync(world.path('/var/lib/cni/results'));

  const busy = async () => {
    while (!existsSync(world.path('/run/busy'))) await sleep(5);
  };

  /** Waits until so many trestles run, and a moment for the last one to come to its lock, which it polls. */
  const atWork = async (count: number) => {
    while ((await world.snapshot()).processes.filter((line) => line.includes('trestle')).length < count)
      await sleep(10);
    await sleep(200);
  };

  it('attach 30 pods to one network, each with an address of its own, and detach them', async () => {
    const added = await Promise.all(pods.map((pod) => done(world, `add net ${pod}`)));
    expect(new Set(added.map((text) => ipsOf(JSON.parse(text))[0]))).to.have.property('size', 30);
    expect(results()).to.have.length(30);
    expect(await world.ip('link show master br0')).to.have.length(30);
    await Promise.all(pods.map((pod) => done(world, `del net ${pod}`)));
    expect(results()).to.deep.equal([]);
  });

  it('to add one interface twice: one of them does, the other is refused, and nothing is lost', async () => {
    const outcomes = await Promise.all([1, 2].map(() => trestle(world, 'add net pod0')));
    expect(outcomes.map(({ code }) => code).sort()).to.deep.equal([0, 1]);
    expect(outcomes.find(({ code }) => code === 1)?.stderr).to.include(
      'is already attached to network "net" as "eth0"',
    );
    await done(world, 'check net pod0');
    expect(await world.ping({ path: '/run/netns/pod0' }, '10.1.2.1')).to.equal(true);
    await done(world, 'del net pod0');
  });

  it('on one container wait for each other', async () => {
    const adding = done(world, 'add slow pod0');
    await busy();
    const others = [done(world, 'del slow pod0'), done(world, 'add net pod0', { CNI_IFNAME: 'net1' })];
    // Another container does not.
    await done(world, 'add net pod1');
    expect(takeCalls(world).map(({ call }) => call)).to.deep.equal(['ADD slow']);
    writeFileSync(world.path('/run/go'), '');
    await Promise.all([adding, ...others]);
    expect(takeCalls(world).map(({ call }) => call)).to.deep.equal(['DEL slow']);
    for (const line of ['net pod1', 'net pod0'])
      await done(world, `del ${line}`, { CNI_IFNAME: line.endsWith('0') ? 'net1' : 'eth0' });
  });

  it('on one container wait for each other, a gc of its other network, too', async () => {
    await done(world, 'add net pod0', { CNI_IFNAME: 'net1' });
    const adding = done(world, 'add slow pod0');
    await busy();
    const collecting = done(world, 'gc net');
    await atWork(2);
    expect(results()).to.have.length(1);
    writeFileSync(world.path('/run/go'), '');
    await Promise.all([adding, collecting]);
    expect(await world.ip('link show', { path: '/run/netns/pod0' })).to.have.length(2);
    await done(world, 'del slow pod0');
  });

  it('of which an ADD is killed leave a container that DEL clears', async () => {
    let pid = 0;
    const killed = run('nsenter', [...enter(world.keeper), `${world.plugins}/trestle`, 'add', 'slow', 'pod0'], {
      env: { PATH, NETCONFPATH: configurations, CNI_PATH: `${world.plugins}:/run/bin` },
      started: (id) => {
        pid = id;
      },
    });
    await busy();
    process.kill(pid, 'SIGKILL');
    writeFileSync(world.path('/run/go'), '');
    expect(await killed).to.include({ signal: 'SIGKILL', stdout: '' });
    expect(await world.ip('link show master br1')).to.have.length(1);
    await done(world, 'del slow pod0');
    expect(takeCalls(world).map(({ call, stdin }) => [call, 'prevResult' in stdin])).to.deep.equal([
      ['ADD slow', true],
      ['DEL slow', false],
    ]);
  });

  it('of which a DEL is killed can be followed by another', async () => {
    writeFileSync(world.path('/run/go'), '');
    await done(world, 'add slow pod0');
    addRecorder(world, 'slow', '[ -e /run/killed ] || { : >/run/killed; kill -9 $PPID; }');
    expect(await failed(world, 'del slow pod0')).to.deep.equal({ code: null, stderr: '' });
    expect(results()).to.have.length(1);
    await done(world, 'del slow pod0');
    await world.run('rm', ['/run/killed']);
    addRecorder(world, 'slow', slow);
  });

  it('to collect garbage wait until what is being added is there, and keep that', async () => {
    const adding = done(world, 'add slow pod0');
    await busy();
    const collecting = done(world, 'gc slow --live');
    // Behind a GC that waits others do, too.
    await atWork(2);
    const later = done(world, 'add slow pod1');
    await atWork(3);
    expect(takeCalls(world).map(({ call }) => call)).to.deep.equal(['ADD slow']);
    writeFileSync(world.path('/run/go'), '');
    await Promise.all([adding, collecting, later]);
    expect(takeCalls(world).map(({ call }) => call)).to.deep.equal(['GC slow', 'ADD slow']);
    expect(await world.ip('link show master br1')).to.have.length(2);
    for (const pod of ['pod0', 'pod1']) await done(world, `del slow ${pod}`);
  });
});
