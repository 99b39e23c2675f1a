import { chownSync, mkdirSync, statSync } from 'node:fs';
import { expect } from 'chai';
import { confinement } from '../support/confine';
import { type Daemon, logged, startDaemon } from '../support/daemon';
import { bridgeNetwork, hostLocal, ranges } from '../support/network';
import { readUnit, words } from '../support/units';
import { createWorld, type World } from '../support/world';

const capabilities = words(readUnit('trestle.service'), 'Service.CapabilityBoundingSet');
const dataDir = '/run/leases';
const config = bridgeNetwork({ ipMasq: true, ipam: { ...hostLocal(ranges.ipv4), dataDir } });

/*
 * What a daemon can do within the limits of its unit is what all tests say that `make test-warm` runs. Here is what they do
 * not need, and a node's root may.
 */
describe('A daemon within the limits of its unit', () => {
  let world: World;
  let daemon: Daemon;
  /** As a runtime's pause container is: a process that may do all that root may, in a network namespace of its own. */
  let pause: number;

  beforeEach(async () => {
    world = await createWorld();
    const pod = await world.addPod();
    const { stdout } = await world.run('sh', ['-c', 'sleep 1000 >/dev/null 2>&1 & echo $!'], { in: pod });
    pause = Number(stdout);
    mkdirSync(world.path(`${dataDir}/net`), { recursive: true, mode: 0o700 });
    for (const folder of [dataDir, `${dataDir}/net`]) chownSync(world.path(folder), 1000, 1000);
  });
  afterEach(async () => {
    process.kill(pause, 'SIGKILL');
    await daemon.end();
    await world.close();
  });

  /** ADD and DEL of a namespace that a process stands for, its lease in a folder of another user's. Whether the daemon did it all. */
  async function isServed(): Promise<boolean> {
    const call = { netns: `/proc/${pause}/ns/net`, config };
    const answers = [await world.cni('bridge', call), await world.cni('bridge', { ...call, command: 'DEL' })];
    await logged(daemon, ({ command }) => command === 'DEL');
    const served = daemon.log.filter(({ msg, outcome }) => msg === 'request' && outcome === 'done');
    const { stdout: index } = await world.run('find', ['/run/trestle/leases', '-name', 'stamp.*']);
    return served.length === 2 && answers.every(({ code }) => code === 0) && index !== '';
  }

  it('attaches a namespace that a process stands for, and keeps leases in a folder of another user', async () => {
    daemon = await startDaemon(world.keeper, world.plugins, { by: await confinement() });
    expect(await isServed()).to.equal(true);
    expect(daemon.log.filter(({ level }) => level > 30)).to.deep.equal([]);
    expect(statSync(world.path(`${dataDir}/net/last_reserved_ip.0`)).mode & 0o777).to.equal(0o644);
  });

  for (const capability of capabilities) {
    it(`could not do so without ${capability}`, async () => {
      daemon = await startDaemon(world.keeper, world.plugins, { by: await confinement({ without: capability }) });
      expect(await isServed()).to.equal(false);
    });
  }
});
