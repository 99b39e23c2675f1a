import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { processes } from '../support/keeper';
import {
  addStaged,
  forgetStages,
  hold,
  leftByRuns,
  reached,
  runEnvironment,
  runToEnd,
  stages,
  until,
} from '../support/running';
import type { Snapshot } from '../support/snapshot';
import { startTerminal, type Terminal } from '../support/terminal';
import { configure } from '../support/trestle';
import { createWorld, type World } from '../support/world';

const bridge = { type: 'bridge', bridge: 'cni0', ipam: { type: 'staged' } };
const controlC = '\x03';
const controlBackslash = '\x1c';

describe('trestle run in a terminal', () => {
  let world: World;
  let clean: Snapshot;
  let terminal: Terminal;

  before(async () => {
    world = await createWorld();
    addStaged(world);
    configure(world, '10-net.conf', { cniVersion: '1.0.0', name: 'net', type: 'staged' });
    configure(world, '99-loopback.conf', { cniVersion: '1.0.0', name: 'lo', type: 'loopback' });
    configure(world, '../ipam.d/10-net.conf', { cniVersion: '1.0.0', name: 'ipam', ...bridge });
    expect((await runToEnd(world, ['--', 'true'])).code).to.equal(0);
    expect((await runToEnd(world, ['--', 'true'], { env: { NETCONFPATH: '/run/ipam.d' } })).code).to.equal(0);
    clean = await world.snapshot();
  });
  beforeEach(() => {
    forgetStages(world);
  });
  afterEach(async () => {
    await terminal.hangUp();
    expectUnchanged(clean, await world.snapshot(), { allow: leftByRuns });
  });
  after(() => world.close());

  /** Types a command line into a shell of the world and waits for what it prints. */
  async function inTerminal(line: string): Promise<Terminal> {
    terminal = startTerminal(world, runEnvironment(world));
    terminal.type(`PATH=${world.plugins}:$PATH; ${line}; echo "status=$?."\n`);
    return terminal;
  }
  const status = async ({ screen }: Terminal) => {
    await until('an exit status', () => /status=\d+\./.test(screen()));
    return Number(/status=(\d+)\./.exec(screen())?.[1]);
  };

  it('gives the command the terminal, in the foreground, and its own namespace', async () => {
    const script = 'tty </dev/tty; test -t 0 -a -t 1 -a -t 2 && echo terminal; ip -br link | wc -l; stty size';
    const shown = await inTerminal(`trestle run -- sh -c '${script}'`);
    expect(await status(shown)).to.equal(0);
    expect(shown.screen()).to.match(/\r\n\/dev\/(pts\/\d+|tty)\r\nterminal\r\n1\r\n\d+ \d+\r\n/);
  });

  it('lets a person talk to the command', async () => {
    const shown = await inTerminal('trestle run -- sh');
    shown.type('echo $((6 * 7)) from inside; exit 9\n');
    expect(await status(shown)).to.equal(9);
    expect(shown.screen()).to.include('\r\n42 from inside\r\n');
  });

  for (const [key, character, code] of [
    ['Ctrl-C', controlC, 130],
    ['Ctrl-\\', controlBackslash, 131],
  ] as const) {
    it(`ends the command by ${key}, and detaches`, async () => {
      const shown = await inTerminal('trestle run -- sh -c "echo command >>/run/stages; exec sleep 60"');
      await reached(world, 'command');
      shown.type(character);
      expect(await status(shown)).to.equal(code);
      expect(stages(world).slice(-1)).to.deep.equal(['end DEL eth0']);
    });

    it(`goes on where the command has its own use for ${key}`, async () => {
      const script =
        'trap "echo again >>/run/stages" INT QUIT; echo command >>/run/stages; until grep again /run/stages; do sleep 0.01; done; exit 8';
      const shown = await inTerminal(`trestle run -- sh -c '${script}'`);
      await reached(world, 'command');
      shown.type(character);
      expect(await status(shown)).to.equal(8);
    });
  }

  for (const stage of ['ADD eth0', 'DEL eth0']) {
    it(`keeps Ctrl-C from the plugin that is at work: ${stage}`, async () => {
      const letGo = hold(world, stage);
      const shown = await inTerminal('trestle run -- true');
      await reached(world, `begin ${stage}`);
      shown.type(controlC);
      await until('it is echoed', () => shown.screen().includes('^C'));
      letGo();
      expect(await status(shown)).to.equal(stage === 'ADD eth0' ? 130 : 0);
      expect(stages(world).slice(-1)).to.deep.equal(['end DEL eth0']);
    });
  }

  for (const stage of ['ADD eth0', 'DEL eth0']) {
    it(`keeps Ctrl-C from an IPAM plugin that one of ours has called: ${stage}`, async () => {
      const letGo = hold(world, stage);
      const shown = await inTerminal('NETCONFPATH=/run/ipam.d trestle run -- true');
      await reached(world, `begin ${stage}`);
      shown.type(controlC);
      await until('it is echoed', () => shown.screen().includes('^C'));
      letGo();
      expect(await status(shown)).to.equal(stage === 'ADD eth0' ? 130 : 0);
      expect(stages(world)).to.deep.equal(['begin ADD eth0', 'end ADD eth0', 'begin DEL eth0', 'end DEL eth0']);
    });
  }

  it('detaches when the terminal goes away', async () => {
    const shown = await inTerminal('trestle run -- sh -c "echo command >>/run/stages; exec sleep 60"');
    await reached(world, 'command');
    await shown.hangUp();
    await reached(world, 'end DEL eth0');
    await until('the run has ended', () => processes(world.keeper).length === 0);
  });
});
