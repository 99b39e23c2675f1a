import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { expect } from 'chai';
import { addIpam, addScript, bridgeNetwork, hostLocal, ipamPath, refusal, succeed } from '../support/network';
import type { Pod } from '../support/peers';
import { configure, trestle } from '../support/trestle';
import { createWorld, type World } from '../support/world';

const file = '/run/trace';
const ipam = hostLocal([{ subnet: '10.1.2.0/24' }]);
const config = bridgeNetwork({ ipam, trestle: { trace: file } });

/** A line: time, whose it is, and three fields and a length of time. */
const whole =
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (ADD|DEL) bridge (\S+) eth0 {2}(host|pod |ipam|exec|end ) {2}(\S.*?) {2}(\S.*?) {2}\d+\.\d\d ms$/;

interface Line {
  command: string;
  container: string;
  /** Namespace, what, outcome. */
  told: string;
}

describe('the trace of a plugin that a runtime calls', () => {
  let world: World;
  let pod: Pod;

  before(async () => {
    world = await createWorld();
    pod = await world.addPod();
  });
  after(() => world.close());
  afterEach(() => rmSync(world.path(file), { recursive: true, force: true }));

  function lines(): Line[] {
    const texts = readFileSync(world.path(file), 'utf8').split('\n');
    expect(texts.pop(), 'the last line has its end').to.equal('');
    return texts.map((text) => {
      const [, command = '', container = '', subject = '', what = '', outcome = ''] = text.match(whole) ?? [];
      expect(command, text).to.not.equal('');
      return { command, container, told: `${subject.trim()} ${what}: ${outcome}` };
    });
  }
  const told = (): string[] => lines().map((line) => line.told);

  it('has a line for the address, each step and the end, of ADD and of DEL', async () => {
    await succeed(world, 'bridge', { netns: pod, config });
    const add = told();
    expect(add[0]).to.equal('ipam host-local ADD: 10.1.2.2/24: got');
    expect(add[1]).to.match(/^host add bridge br0 \S+: created$/);
    expect(add).to.include('pod add address 10.1.2.2/24 to eth0 nodad: created');
    expect(add.at(-1)).to.equal('end ADD: done');
    rmSync(world.path(file));
    await succeed(world, 'bridge', { command: 'DEL', netns: pod, config });
    const del = told();
    expect(del[0]).to.match(/^host delete link veth\w+ if its MAC is \S+: deleted$/);
    expect(del.slice(1)).to.deep.equal(['ipam host-local DEL: 10.1.2.2: released', 'end DEL: done']);
  });

  it('of an ADD that is refused says why, as the runtime is told', async () => {
    await world.run('ip', ['link', 'add', 'taken', 'type', 'veth']);
    const { code, msg, details } = await refusal(world, 'bridge', {
      netns: pod,
      config: { ...config, bridge: 'taken' },
    });
    expect(told()).to.deep.equal([`end ADD: FAILED code ${code}: ${msg}; ${details}`]);
  });

  it('of an ADD that cannot even be understood says why', async () => {
    await refusal(world, 'bridge', { netns: pod, ifname: 'eth0', config: { ...config, cniVersion: '7.0.0' } });
    expect(told()[0]).to.match(/^end ADD: FAILED code 1: incompatible CNI versions; config is "7\.0\.0"/);
  });

  it('of an ADD that fails half-way has the errno, and what was undone, up to the lease', async () => {
    const routes = [{ dst: '203.0.113.0/24', gw: '198.51.100.1' }];
    const call = { netns: pod, config: { ...config, ipam: { ...ipam, routes } } };
    const { msg } = await refusal(world, 'bridge', call);
    const all = told();
    const failed = all.findIndex((line) => line.includes('FAILED'));
    expect(all[failed]).to.match(
      /^pod add route 203\.0\.113\.0\/24 via 198\.51\.100\.1 dev eth0: FAILED ENETUNREACH: /,
    );
    const undone = all.slice(failed + 1, -2);
    expect(undone).to.have.length.above(2);
    for (const line of undone) expect(line).to.match(/^(host|pod) undo: /);
    expect(undone.at(-1)).to.match(/^host undo: delete link veth\w+ \(ifindex \d+\): deleted$/);
    expect(all.at(-2)).to.match(/^ipam host-local DEL: 10\.1\.2\.\d+: released$/);
    expect(all.at(-1)).to.equal(`end ADD: FAILED code 999: ${msg}`);
  });

  it('names the programs of others that were executed, and how they ended', async () => {
    const foreign = addIpam(world, 'foreign', `echo '{"code":11,"msg":"none left"}'; exit 3`);
    await refusal(world, 'bridge', { netns: pod, config: { ...config, ipam: foreign }, env: ipamPath(world) });
    expect(told()).to.deep.equal([
      'exec /run/ipam/foreign ADD: exit status 3',
      'ipam foreign ADD: FAILED code 11: none left',
      'end ADD: FAILED code 11: none left',
    ]);
  });

  it('of a network that the trestle command adds has a line for foreign plugins, too, on stderr', async () => {
    addScript(world, '/run/bin/foreign', 'echo "{}"');
    const { trestle: _, cniVersion, name, ...bridge } = config as Record<string, unknown>;
    configure(world, '10-net.conflist', { cniVersion, name, plugins: [bridge, { type: 'foreign' }] });
    for (const command of ['add', 'del']) {
      const { code, stderr } = await trestle(world, `${command} --trace net ${pod.name}`);
      expect(code, stderr).to.equal(0);
      const own = stderr.split('\n').filter((line) => line.includes('foreign'));
      const COMMAND = command.toUpperCase();
      expect(own).to.have.length(1);
      expect(own[0]).to.match(
        new RegExp(`^${COMMAND} foreign eth0  exec  /run/bin/foreign ${COMMAND}  exit status 0  \\d+\\.\\d\\d ms$`),
      );
      expect(stderr).to.match(new RegExp(`^${COMMAND} bridge eth0  end   ${COMMAND}  done  \\d+\\.\\d\\d ms$`, 'm'));
    }
  });

  it('is whole when thirty pods are added at once: no line is lost or mixed with another', async () => {
    const pods = await Promise.all(Array.from({ length: 30 }, (_, i) => world.addPod(`many${i}`)));
    // The bridge is there by now, so that every ADD has the same steps.
    await Promise.all(pods.map((netns, i) => succeed(world, 'bridge', { netns, containerId: `c${i}`, config })));
    const all = lines();
    const steps = pods.map((_, i) => all.filter(({ container }) => container === `c${i}`).map((line) => line.told));
    const shape = (of: string[] = []) =>
      of.map((line) => line.replace(/veth\w+|10\.1\.2\.\d+|[0-9a-f:]{17}|c\d+/g, '_'));
    expect(steps[0]).to.have.length.above(8);
    for (const mine of steps) expect(shape(mine)).to.deep.equal(shape(steps[0]));
    for (const mine of steps) expect(mine.at(-1)).to.equal('end ADD: done');
    expect(all).to.have.length(30 * (steps[0]?.length ?? 0));
    await Promise.all(
      pods.map((netns, i) => succeed(world, 'bridge', { command: 'DEL', netns, containerId: `c${i}`, config })),
    );
  });

  it('that cannot be written is a warning, and the pod is attached', async () => {
    mkdirSync(world.path('/run/folder'));
    await world.run('mkfifo', ['/run/fifo']);
    for (const [trace, complaint] of [
      ['/run/folder', 'EISDIR'],
      ['/run/fifo', 'ENXIO'],
      ['/run/missing/trace', 'ENOENT'],
      ['/dev/full', 'not a regular file'],
      ['/proc/version', 'E'],
      ['trace', 'expected an absolute path'],
      [true, 'expected an absolute path'],
    ] as const) {
      const call = { netns: pod, config: { ...config, trestle: { trace } } };
      const { code, stderr, stdout } = await world.cni('bridge', call);
      expect(code, stdout).to.equal(0);
      expect(stderr.split('\n')).to.have.length(2);
      expect(stderr).to.include('trace').and.include(complaint);
      await succeed(world, 'bridge', { command: 'DEL', netns: pod, config });
    }
  });
});
