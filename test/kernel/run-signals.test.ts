import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import {
  addStaged,
  asleep,
  forgetStages,
  hold,
  leftByRuns,
  type Running,
  reached,
  stages,
  startRun,
} from '../support/running';
import type { Snapshot } from '../support/snapshot';
import { configure } from '../support/trestle';
import { createWorld, type World } from '../support/world';

const bridge = { type: 'bridge', bridge: 'cni0', ipam: { type: 'host-local', subnet: '10.22.0.0/16' } };
/** Exit statuses: 128 and the signal's number. */
const signals = { SIGINT: 130, SIGQUIT: 131, SIGTERM: 143, SIGHUP: 129 } as const;
const names = Object.keys(signals) as (keyof typeof signals)[];

describe('A signal to trestle run', () => {
  let world: World;
  let clean: Snapshot;

  before(async () => {
    world = await createWorld();
    addStaged(world);
    configure(world, '10-net.conflist', { cniVersion: '1.0.0', name: 'net', plugins: [bridge, { type: 'staged' }] });
    configure(world, '20-more.conf', { cniVersion: '1.0.0', name: 'more', type: 'staged' });
    const chain = { cniVersion: '1.0.0', name: 'chain', plugins: [{ type: 'staged' }, { type: 'staged' }] };
    configure(world, '../chain.d/10-chain.conflist', chain);
    expect((await start('true').ended).code).to.equal(0);
    clean = await world.snapshot();
  });
  beforeEach(() => forgetStages(world));
  afterEach(async () => expectUnchanged(clean, await world.snapshot(), { allow: leftByRuns }));
  after(() => world.close());

  const start = (...command: string[]): Running => startRun(world, ['--', ...command]);
  /** Says in the plugins' log what it does, and waits to be ended. */
  const command = (traps = 'true') => [
    'sh',
    '-c',
    `${traps}; echo command >>/run/stages; while :; do sleep 0.01; done`,
  ];
  const whole = (what: string) => [`begin ${what}`, `end ${what}`];

  for (const name of names) {
    it(`while networks are attached lets the current plugin end, and detaches: ${name}`, async () => {
      const letGo = hold(world, 'ADD eth0');
      const { pid, ended } = start('echo', 'no');
      await reached(world, 'begin ADD eth0');
      process.kill(pid, name);
      letGo();
      const { code, stdout, stderr } = await ended;
      expect({ code, stdout, stderr }).to.deep.equal({ code: signals[name], stdout: '', stderr: '' });
      expect(stages(world)).to.deep.equal([...whole('ADD eth0'), ...whole('DEL eth0')]);
    });
  }

  it('keeps the next plugin of a chain from being called', async () => {
    const letGo = hold(world, 'ADD eth0');
    const { pid, ended } = startRun(world, ['--', 'true'], { env: { NETCONFPATH: '/run/chain.d' } });
    await reached(world, 'begin ADD eth0');
    process.kill(pid, 'SIGINT');
    letGo();
    expect((await ended).code).to.equal(signals.SIGINT);
    expect(stages(world)).to.deep.equal([...whole('ADD eth0'), ...whole('DEL eth0'), ...whole('DEL eth0')]);
  });

  it('while the last network is attached comes early enough for the command not to be run', async () => {
    const letGo = hold(world, 'ADD eth1');
    const { pid, ended } = start('echo', 'no');
    await reached(world, 'begin ADD eth1');
    process.kill(pid, 'SIGTERM');
    letGo();
    const { code, stdout } = await ended;
    expect({ code, stdout }).to.deep.equal({ code: signals.SIGTERM, stdout: '' });
    expect(stages(world).slice(-4)).to.deep.equal([...whole('DEL eth1'), ...whole('DEL eth0')]);
  });

  for (const name of ['SIGTERM', 'SIGHUP'] as const) {
    it(`is passed on to the command, whose end decides: ${name}`, async () => {
      const { pid, ended } = start(...command());
      await reached(world, 'command');
      process.kill(pid, name);
      expect((await ended).code).to.equal(signals[name]);
      expect(stages(world).slice(-4)).to.deep.equal([...whole('DEL eth1'), ...whole('DEL eth0')]);
    });

    it(`is for the command to deal with: ${name}`, async () => {
      const { pid, ended } = start(...command(`trap 'exit 7' ${name.slice(3)}`));
      await reached(world, 'command');
      process.kill(pid, name);
      expect((await ended).code).to.equal(7);
    });
  }

  for (const name of ['SIGINT', 'SIGQUIT'] as const) {
    it(`is left to the terminal to be passed on: ${name}`, async () => {
      const { pid, ended } = start(...command(`trap 'exit 6' ${name.slice(3)}; trap 'exit 7' TERM`));
      await reached(world, 'command');
      // Until it knows that the command runs, it passes on whatever comes.
      await asleep(pid);
      process.kill(pid, name);
      process.kill(pid, 'SIGTERM');
      expect((await ended).code).to.equal(7);
    });
  }

  it('does not keep the networks from being detached, nor does a second one', async () => {
    const letGo = hold(world, 'DEL eth1');
    const { pid, ended } = start('sh', '-c', 'exit 5');
    await reached(world, 'begin DEL eth1');
    for (const name of [...names, ...names]) process.kill(pid, name);
    letGo();
    const { code, stderr } = await ended;
    expect({ code, stderr }).to.deep.equal({ code: 5, stderr: '' });
    expect(stages(world).slice(-4)).to.deep.equal([...whole('DEL eth1'), ...whole('DEL eth0')]);
  });

  it('while that is taken back which a failed ADD has done changes nothing about that', async () => {
    const letGo = hold(world, 'ADD eth1');
    const letDelGo = hold(world, 'DEL eth0');
    const { pid, ended } = start('echo', 'no');
    await reached(world, 'begin ADD eth1');
    process.kill(pid, 'SIGINT');
    letGo();
    await reached(world, 'begin DEL eth0');
    process.kill(pid, 'SIGTERM');
    letDelGo();
    expect((await ended).code, 'that of the first').to.equal(signals.SIGINT);
  });
});
