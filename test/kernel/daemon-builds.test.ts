import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { type Daemon, daemonSocket, startDaemon } from '../support/daemon';
import { coldCounts } from '../support/daemon-peer';
import { type Launched, launchedProgram } from '../support/launched';
import { bridgeNetwork, ipsOf, succeed } from '../support/network';
import { makeOtherBuild } from '../support/other-build';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork();

describe('A daemon and a launcher of another build', () => {
  let world: World;
  let daemon: Daemon;
  let installed: Launched;

  beforeEach(async () => {
    world = await createWorld();
    installed = launchedProgram();
  });

  afterEach(async () => {
    await world.close();
    installed.remove();
  });

  async function expectPod(containerId: string, plugins: string): Promise<void> {
    const result = await succeed(world, 'bridge', { netns: await world.addPod(), containerId, config, plugins });
    expect(await world.ping('host', ipsOf(result)[0] as string), 'ping').to.equal(true);
  }

  for (const [what, isNewer] of [
    ['an older one', false],
    ['a newer one', true],
  ] as const) {
    it(`do without each other: ${what} of another folder is declined, and its pod is right`, async () => {
      makeOtherBuild(installed.bin);
      const [plugins, strangers] = isNewer ? [world.plugins, installed.bin] : [installed.bin, world.plugins];
      daemon = await startDaemon(world.keeper, plugins);
      await expectPod('stranger', strangers);
      expect((await daemon.report()).declined).to.deep.equal({ build: 1 });
      expect(coldCounts(world)).to.deep.equal({ declined: 1 });
      // It is still the one that its own launchers ask.
      await expectPod('own', plugins);
      expect((await daemon.report()).requests).to.have.length(1);
      expect(await daemon.end()).to.deep.equal({ code: 0, signal: null, stderr: '' });
    });
  }

  it('part when an upgrade has replaced the launchers: the daemon ends with 0, and pods are attached all the while', async () => {
    daemon = await startDaemon(world.keeper, installed.bin);
    await expectPod('before', installed.bin);
    makeOtherBuild(installed.bin);
    await expectPod('first', installed.bin);
    expect(await daemon.ended).to.deep.equal({ code: 0, signal: null, stderr: '' });
    expect(daemon.log.map(({ msg }) => msg)).to.include('draining');
    expect(existsSync(world.path(daemonSocket))).to.equal(false);
    await expectPod('second', installed.bin);
    expect(daemon.log.filter(({ msg }) => msg === 'declined').map(({ reason }) => reason)).to.deep.equal(['build']);
    daemon = await startDaemon(world.keeper, installed.bin);
    await expectPod('third', installed.bin);
    expect((await daemon.report()).requests.map(({ command, count }) => `${count} ${command}`)).to.deep.equal([
      '1 ADD',
    ]);
    await daemon.end();
  });
});
