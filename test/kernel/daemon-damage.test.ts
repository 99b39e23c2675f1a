import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { recordName } from '../../lib/plugin/records';
import { type Daemon, logged, startDaemon } from '../support/daemon';
import { bridgeNetwork, succeed } from '../support/network';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork();
const key = { network: config.name as string, containerId: 'damaged', ifname: 'eth0' };

describe('A daemon whose state somebody has damaged', () => {
  let world: World;
  let daemon: Daemon;

  before(async () => {
    world = await createWorld();
    daemon = await startDaemon(world.keeper, world.plugins);
  });

  after(async () => {
    expect(await daemon.end()).to.deep.equal({ code: 0, signal: null, stderr: '' });
    await world.close();
  });

  it('leaves a call alone whose record it cannot read, says why, and serves the others', async () => {
    const netns = await world.addPod();
    const folder = world.path('/run/trestle/attachments');
    const record = join(folder, recordName(key, 'bridge'));
    mkdirSync(record, { recursive: true });
    const call = { netns, config, containerId: key.containerId };
    for (const command of ['DEL', 'ADD'] as const) {
      const { code, json } = await world.cni('bridge', { ...call, command });
      expect([code, json.msg]).to.satisfy(([status, msg]: [number, string]) => status === 1 && msg.includes('EISDIR'));
    }
    rmSync(record, { recursive: true });
    await succeed(world, 'bridge', { netns, config, containerId: 'other' });
    const { claimed, declined } = await daemon.report();
    expect({ claimed, declined }, 'an ADD finds it when it has the lock').to.deep.equal({
      claimed: 2,
      declined: { state: 1 },
    });
    const warning = 40;
    await logged(
      daemon,
      ({ msg, level, container }) => msg === 'state' && level === warning && container === 'damaged',
    );
  });
});
