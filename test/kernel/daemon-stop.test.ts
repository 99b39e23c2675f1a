import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type Daemon, logged, startDaemon } from '../support/daemon';
import { expectUnchanged } from '../support/expect-unchanged';
import { type HeldDaemon, startCni, startHeldDaemon } from '../support/held-daemon';
import { brief, busyNode, ours } from '../support/kill-rounds';
import { bookkeeping } from '../support/leftovers';
import { bridgeNetwork, ipsOf, succeed } from '../support/network';
import type { Snapshot } from '../support/snapshot';
import { endHeldDaemon } from '../support/warm-kill';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork({ cniVersion: '1.1.0', ipMasq: true });
const ADD = ours(config);
const DEL = ours(config, 'DEL');

/** Longer than a launcher waits for a claim and a cold process takes, on a machine that is busy. */
const aWhileMs = 1000;

describe('A daemon that is stopped', function () {
  this.timeout(60_000);

  let world: World;
  let detached: Snapshot;

  beforeEach(async () => {
    world = await createWorld();
    await busyNode(config)(world);
    detached = await world.snapshot();
  });

  afterEach(() => world.close());

  async function expectDetached(): Promise<void> {
    expectUnchanged(detached, await world.snapshot(), { allow: bookkeeping });
  }

  /** Its report once every request that it has claimed is over; that a launcher has gone it may hear a moment later. */
  async function settled(daemon: Daemon): Promise<Awaited<ReturnType<Daemon['report']>>> {
    for (;;) {
      const report = await daemon.report();
      const { claimed, unserved, requests } = report;
      const counts = [...Object.values(unserved), ...requests.map(({ count }) => count)];
      if (claimed === counts.reduce((sum, count) => sum + count, 0)) return report;
      await sleep(5);
    }
  }

  /** That nothing was done twice: what the cold process has made is there, whole, and DEL removes it. */
  async function expectOneAttachment(attached: Snapshot, ip: string): Promise<void> {
    expectUnchanged(attached, await world.snapshot());
    expect(await world.ping('host', ip), 'ping').to.equal(true);
    await succeed(world, 'bridge', DEL);
    await expectDetached();
  }

  it('before it has accepted the connection costs a pod its patience, and does nothing when it goes on', async () => {
    const daemon = await startDaemon(world.keeper, world.plugins, { args: ['--log-level', 'debug'] });
    await logged(daemon, ({ msg }) => msg === 'tables are kept');
    daemon.process.kill('SIGSTOP');
    const [ip = ''] = ipsOf(await succeed(world, 'bridge', ADD));
    const attached = await world.snapshot();
    daemon.process.kill('SIGCONT');
    const { claimed, unserved, requests } = await settled(daemon);
    expect({ unserved, requests }).to.deep.equal({ unserved: claimed === 0 ? {} : { withdrawn: 1 }, requests: [] });
    await expectOneAttachment(attached, ip);
    expect((await daemon.report()).requests.map(({ command }) => command)).to.deep.equal(['DEL']);
    expect((await daemon.end()).code).to.equal(0);
  });

  it('when it was about to claim costs a pod its patience, and does nothing when it goes on', async () => {
    const daemon = await startHeldDaemon(world, 1);
    const { calling, at } = await daemon.hold('bridge', ADD);
    expect(at && brief(at)).to.equal('write frame 2');
    const { code, json } = await calling.ended;
    expect(code).to.equal(0);
    const attached = await world.snapshot();
    daemon.resume();
    const { claimed, unserved, requests } = await settled(daemon);
    expect({ claimed, unserved, requests }).to.deep.equal({ claimed: 1, unserved: { withdrawn: 1 }, requests: [] });
    await expectOneAttachment(attached, ipsOf(json)[0] as string);
    await endHeldDaemon(daemon);
  });

  describe('in the middle of an ADD', () => {
    let daemon: HeldDaemon;
    let add: ReturnType<typeof startCni>;

    /** All of its threads, each at the end of the call that it is in. */
    beforeEach(async () => {
      daemon = await startHeldDaemon(world, 20);
      const { calling, at } = await daemon.hold('bridge', ADD);
      expect(at).to.not.equal(null);
      add = calling;
      process.kill(daemon.self, 'SIGSTOP');
      daemon.resume();
    });

    it('has its launcher wait, and ends the ADD when it goes on', async () => {
      expect(await Promise.race([add.ended, sleep(aWhileMs, 'nobody')])).to.equal('nobody');
      process.kill(daemon.self, 'SIGCONT');
      const { code, json } = await add.ended;
      expect(code).to.equal(0);
      await expectOneAttachment(await world.snapshot(), ipsOf(json)[0] as string);
      await endHeldDaemon(daemon);
    });

    it('takes the ADD back when it goes on and the runtime has ended the launcher meanwhile', async () => {
      process.kill(add.pid, 'SIGKILL');
      await add.ended;
      process.kill(daemon.self, 'SIGCONT');
      await logged(daemon, ({ msg, command }) => msg === 'request' && command === 'ADD');
      await expectDetached();
      await endHeldDaemon(daemon);
    });

    it('has the DEL that follows wait, which leaves nothing when the daemon goes on', async () => {
      process.kill(add.pid, 'SIGKILL');
      const del = startCni(world, 'bridge', DEL);
      expect(await Promise.race([del.ended, sleep(aWhileMs, 'nobody')])).to.equal('nobody');
      process.kill(daemon.self, 'SIGCONT');
      expect(await del.ended).to.include({ code: 0, stdout: '' });
      await expectDetached();
      await settled(daemon);
      await endHeldDaemon(daemon);
    });

    it('and is then killed has its launcher attach the pod', async () => {
      process.kill(daemon.self, 'SIGKILL');
      const { code, json } = await add.ended;
      expect(code).to.equal(0);
      await expectOneAttachment(await world.snapshot(), ipsOf(json)[0] as string);
    });
  });
});
