import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type Daemon, logged, startDaemon } from '../support/daemon';
import { bridgeNetwork, succeed } from '../support/network';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork({ cniVersion: '1.1.0' });

describe('A daemon that nobody asks anything', () => {
  let world: World;
  let daemon: Daemon;

  beforeEach(async () => {
    world = await createWorld();
    daemon = await startDaemon(world.keeper, world.plugins, { args: ['--log-level', 'debug'] });
    await logged(daemon, ({ msg }) => msg === 'tables are kept');
  });

  afterEach(() => world.close());

  /** How often its threads have gone to sleep so far. */
  function sleeps(): number {
    const tasks = `/proc/${daemon.process.pid}/task`;
    const counts = readdirSync(tasks).map((task) =>
      Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(readFileSync(`${tasks}/${task}/status`, 'utf8'))?.[1]),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  it('sleeps, before its first request and after', async () => {
    for (const request of [async () => {}, () => succeed(world, 'bridge', { command: 'STATUS', config })]) {
      await request();
      // What V8 does a moment after it was busy ends; what wakes it again and again does not.
      const counts: number[] = [];
      for (let i = 0; i < 5; i++) {
        const before = sleeps();
        await sleep(1_000);
        counts.push(sleeps() - before);
      }
      expect(Math.min(...counts), counts.join(', ')).to.be.below(5);
    }
  });
});
