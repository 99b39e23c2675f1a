import { statSync } from 'node:fs';
import { expect } from 'chai';
import { type Daemon, daemonSocket, spawnDaemon, startDaemon } from '../support/daemon';
import { bridgeNetwork, succeed } from '../support/network';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork({ cniVersion: '1.1.0' });

describe('The socket of a daemon', () => {
  let world: World;
  let daemon: Daemon;

  beforeEach(async () => {
    world = await createWorld();
    daemon = await startDaemon(world.keeper, world.plugins);
  });

  afterEach(() => world.close());

  const mode = (path: string): string => (statSync(world.path(path)).mode & 0o777).toString(8);

  async function expectServed(by: Daemon): Promise<void> {
    await succeed(world, 'bridge', { command: 'STATUS', config });
    expect((await by.report()).requests.map(({ command, count }) => ({ command, count }))).to.deep.equal([
      { command: 'STATUS', count: 1 },
    ]);
  }

  it('is for nobody but root, and so is its folder', () => {
    expect([mode(daemonSocket), mode('/run/trestle'), mode('/run/trestle/cold')]).to.deep.equal(['600', '700', '700']);
  });

  it('is one daemon’s: a second says so and ends with 1, and the first goes on', async () => {
    const { code, stderr } = await spawnDaemon(world.keeper, world.plugins).ended;
    expect({ code, stderr }).to.deep.equal({
      code: 1,
      stderr: `trestle: daemon: another daemon serves ${daemonSocket}\n`,
    });
    await expectServed(daemon);
  });

  it('may be another one of each of two daemons', async () => {
    const path = '/run/trestle/second.sock';
    const second = await startDaemon(world.keeper, world.plugins, { args: ['--socket', path] });
    await expectServed(daemon);
    expect((await second.end()).code).to.equal(0);
  });

  it('that was left by one that was killed is replaced', async () => {
    await daemon.end('SIGKILL');
    expect(statSync(world.path(daemonSocket)).isSocket()).to.equal(true);
    await succeed(world, 'bridge', { command: 'STATUS', config });
    await expectServed(await startDaemon(world.keeper, world.plugins));
  });

  it('is gone when the daemon has ended in good order', async () => {
    expect((await daemon.end()).code).to.equal(0);
    expect(statSync(world.path(daemonSocket), { throwIfNoEntry: false })).to.equal(undefined);
  });
});
