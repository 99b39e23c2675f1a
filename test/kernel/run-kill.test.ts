import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { netnsNames, processes } from '../support/keeper';
import { commandKilledAt } from '../support/kill-at';
import {
  addStaged,
  forgetStages,
  hold,
  leftByRuns,
  reached,
  runEnvironment,
  runToEnd,
  stages,
  startRun,
  until,
} from '../support/running';
import type { Snapshot } from '../support/snapshot';
import { configure } from '../support/trestle';
import { createWorld, type World } from '../support/world';

const bridge = { type: 'bridge', bridge: 'cni0', ipam: { type: 'host-local', subnet: '10.22.0.0/16' } };

describe('trestle run, killed', () => {
  let world: World;
  let clean: Snapshot;

  before(async () => {
    world = await createWorld();
    addStaged(world);
    configure(world, '10-net.conf', { cniVersion: '1.0.0', name: 'net', ...bridge });
    configure(world, '30-lo.conf', { cniVersion: '1.0.0', name: 'lo', type: 'loopback' });
    configure(world, '20-more.conf', { cniVersion: '1.0.0', name: 'more', type: 'staged' });
    expect((await runToEnd(world, ['--', 'true'])).code).to.equal(0);
    clean = await world.snapshot();
  });
  beforeEach(() => forgetStages(world));
  afterEach(async () => expectUnchanged(clean, await world.snapshot(), { allow: leftByRuns }));
  after(() => world.close());

  const runs = () => readdirSync(world.path('/run/trestle/runs'));

  /** Another run, which has nothing to say about the one that was killed. */
  async function runAgain(): Promise<void> {
    const { code, stdout, stderr } = await runToEnd(world, ['--network', 'lo', '--', 'echo', 'fine']);
    expect({ code, stdout, stderr }).to.deep.equal({ code: 0, stdout: 'fine\n', stderr: '' });
    expect(runs()).to.deep.equal([]);
    expect(netnsNames(world.keeper)).to.deep.equal([]);
  }

  for (const stage of ['ADD eth1', 'DEL eth1']) {
    it(`while a plugin is at work is alive until that has ended: ${stage}`, async () => {
      const letGo = hold(world, stage);
      const { pid, ended } = startRun(world, ['--', 'true']);
      await reached(world, `begin ${stage}`);
      process.kill(pid, 'SIGKILL');
      expect((await runToEnd(world, ['--network', 'net', '--', 'true'])).code).to.equal(0);
      expect(runs(), 'it is left alone').to.have.length(2);
      letGo();
      await reached(world, `end ${stage}`);
      await ended;
      await until('the plugin has ended', () => processes(world.keeper).length === 0);
      await runAgain();
      expect(stages(world).at(-1), 'detached').to.equal('end DEL eth1');
    });
  }

  it('while its command runs takes that with it, and the next run detaches', async () => {
    const { pid, ended } = startRun(world, [
      '--',
      'sh',
      '-c',
      'trap "" HUP TERM; echo command >>/run/stages; exec sleep 60',
    ]);
    await reached(world, 'command');
    process.kill(pid, 'SIGKILL');
    await ended;
    await until('the command has ended', () => processes(world.keeper).length === 0);
    expect(netnsNames(world.keeper)).to.have.length(1);
    await runAgain();
    expect(stages(world)).to.deep.equal([
      'begin ADD eth1',
      'end ADD eth1',
      'command',
      'begin DEL eth1',
      'end DEL eth1',
    ]);
  });

  it('leaves nothing behind the next run, wherever it was', async () => {
    const hit: string[] = [];
    for (let index = 1; ; index++) {
      const line = ['trestle', 'run', '--network', 'lo', '--', 'true'];
      const { at } = await commandKilledAt(world, line, runEnvironment(world), index);
      if (at === null) break;
      hit.push(`${at.name} ${at.detail}`);
      await runAgain();
      expectUnchanged(clean, await world.snapshot(), { allow: leftByRuns });
    }
    for (const call of [
      /^mount .*\/run\/netns\//,
      /^umount2 /,
      /^rename .*\/runs\/.*json/,
      /^unlink .*lock/,
      /^sendto /,
    ]) {
      expect(
        hit.filter((one) => call.test(one)),
        String(call),
      ).to.not.be.empty;
    }
  });

  it('by the dozen is cleaned up by one of many', async () => {
    const { pid, ended } = startRun(world, ['--', 'sh', '-c', 'echo command >>/run/stages; exec sleep 60']);
    await reached(world, 'command');
    process.kill(pid, 'SIGKILL');
    await ended;
    const all = await Promise.all(Array.from({ length: 8 }, () => runToEnd(world, ['--network', 'net', '--', 'true'])));
    expect(all.map(({ code, stderr }) => `${code} ${stderr}`)).to.deep.equal(all.map(() => '0 '));
    expect(stages(world).filter((line) => line === 'begin DEL eth1')).to.have.length(1);
  });

  it('is all that is cleaned up: what lives, and what is no run, is left alone', async () => {
    const { pid, ended } = startRun(world, ['--', 'sh', '-c', 'echo command >>/run/stages; exec sleep 60']);
    await reached(world, 'command');
    const [record = ''] = runs().filter((name) => name.endsWith('.json'));
    await runToEnd(world, ['--network', 'net', '--', 'true']);
    expect(runs(), 'that of the one that lives').to.include(record);
    expect(stages(world).at(-1)).to.equal('command');
    process.kill(pid, 'SIGTERM');
    expect((await ended).code).to.equal(143);
  });

  for (const [what, content, complaint] of [
    ['empty', '', 'Unexpected end of JSON input'],
    ['of another kind', '{"version": 1}', 'Invalid key: Expected "netns" but received undefined'],
    [
      'about a namespace of somebody else',
      '{"version": 1, "netns": "/run/netns/mine", "attachments": []}',
      'Invalid format: Expected /^\\/run\\/netns\\/trestle-[a-z2-7]+$/ but received "/run/netns/mine"',
    ],
    [
      'about a namespace elsewhere',
      '{"version": 1, "netns": "/run/netns/trestle-../mine", "attachments": []}',
      'Invalid format: Expected /^\\/run\\/netns\\/trestle-[a-z2-7]+$/ but received "/run/netns/trestle-../mine"',
    ],
  ]) {
    it(`is warned of where its record is ${what}`, async () => {
      await world.ip('netns add mine');
      const path = '/run/trestle/runs/abc.json';
      writeFileSync(world.path(path), content as string);
      const { code, stdout, stderr } = await runToEnd(world, ['--network', 'net', '--', 'echo', 'fine']);
      expect({ code, stdout }).to.deep.equal({ code: 0, stdout: 'fine\n' });
      expect(stderr).to.include(`trestle: cannot clean up after a run that was killed: ${path}: ${complaint}`);
      expect(existsSync(world.path('/run/netns/mine'))).to.equal(true);
      await world.run('rm', [path, '/run/trestle/runs/abc.lock']);
      await world.ip('netns delete mine');
    });
  }
});

describe('Thirty runs at once', () => {
  let world: World;
  before(async () => {
    world = await createWorld();
    configure(world, '10-net.conf', { cniVersion: '1.0.0', name: 'net', ...bridge });
  });
  after(() => world.close());

  it('have thirty addresses, and leave nothing', async () => {
    const script =
      'ip -json -4 addr show dev eth0; echo >>/run/here; while [ $(wc -l </run/here) -lt 30 ]; do sleep 0.05; done';
    const before = await world.snapshot();
    const all = await Promise.all(Array.from({ length: 30 }, () => runToEnd(world, ['--', 'sh', '-c', script])));
    expect(all.map(({ code, stderr }) => `${code} ${stderr}`)).to.deep.equal(all.map(() => '0 '));
    const addresses = all.map(({ stdout }) => JSON.parse(stdout)[0].addr_info[0].local);
    expect(new Set(addresses)).to.have.length(30);
    expect(netnsNames(world.keeper)).to.deep.equal([]);
    const allow = [...leftByRuns, /\bcni0\b/, /^files \/run\/here/];
    expectUnchanged(before, await world.snapshot(), { allow });
  });
});
