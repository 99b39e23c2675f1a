import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type Daemon, startDaemon } from '../support/daemon';
import { expectUnchanged } from '../support/expect-unchanged';
import { link } from '../support/keeper';
import { bookkeeping } from '../support/leftovers';
import { contents, masqueraded } from '../support/masquerading';
import { succeed } from '../support/network';
import type { Pod } from '../support/peers';
import { createWorld, type World } from '../support/world';

const many = 24;

describe('Many that leave at once', function () {
  this.timeout(60_000);

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

  const call = (command: string, pod: Pod) => ({
    command,
    containerId: pod.name,
    netns: pod,
    config: masqueraded(),
  });

  /** How many transactions of nftables there are while `work` is done, which nft tells. */
  async function transactions(work: () => Promise<unknown>): Promise<number> {
    const told = async (): Promise<string> => (await world.run('cat', ['/run/monitor'])).stdout;
    const mark = async (name: string): Promise<void> => {
      for (; !(await told()).includes(`add table ip ${name}\n`); await sleep(20)) {
        await world.run('nft', [`delete table ip ${name}`]);
        await world.run('nft', [`add table ip ${name}`]);
      }
    };
    await world.run('sh', ['-c', 'stdbuf -oL nft monitor >/run/monitor 2>&1 & echo $! >/run/monitor.pid']);
    await mark('begin');
    await work();
    await mark('finish');
    const [, after = ''] = (await told()).split('add table ip begin\n');
    const end = 'kill $(cat /run/monitor.pid); rm /run/monitor*; nft "delete table ip begin; delete table ip finish"';
    await world.run('sh', ['-c', end]);
    return after.split('add table ip finish\n')[0]?.match(/new generation/g)?.length ?? 0;
  }

  it('share the transactions that take them out of their tables, and leave nothing', async () => {
    const pods: Pod[] = [];
    for (let index = 0; index < many; index++) pods.push(await world.addPod(`c${index}`));
    // What pods share stays.
    const first = await world.addPod('first');
    await succeed(world, 'bridge', call('ADD', first));
    await succeed(world, 'bridge', call('DEL', first));
    const before = await world.snapshot();
    for (const pod of pods) await succeed(world, 'bridge', call('ADD', pod));
    expect((await contents(world)).elements.length).to.be.at.least(many);

    const count = await transactions(() => Promise.all(pods.map((pod) => succeed(world, 'bridge', call('DEL', pod)))));
    expect(count).to.be.within(1, many / 2);
    expect((await contents(world)).elements).to.deep.equal([]);
    expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
  });

  it('have left the daemon with none of their namespaces', async () => {
    const held = () => {
      const folder = `/proc/${daemon.process.pid}/fd`;
      return readdirSync(folder).flatMap((fd) => link(`${folder}/${fd}`).match(/^\/run\/netns\/.*/) ?? []);
    };
    const pods: Pod[] = [];
    for (let index = 0; index < many; index++) pods.push(await world.addPod(`h${index}`));
    await Promise.all(pods.map((pod) => succeed(world, 'bridge', call('ADD', pod))));
    await Promise.all(pods.map((pod) => succeed(world, 'bridge', call('DEL', pod))));
    for (const ends = Date.now() + 10_000; held().length > 0 && Date.now() < ends; ) await sleep(20);
    expect(held()).to.deep.equal([]);
  });

  it('let others come meanwhile', async () => {
    const leaving: Pod[] = [];
    for (let index = 0; index < many; index++) leaving.push(await world.addPod(`l${index}`));
    for (const pod of leaving) await succeed(world, 'bridge', call('ADD', pod));
    const coming: Pod[] = [];
    for (let index = 0; index < 8; index++) coming.push(await world.addPod(`n${index}`));
    await Promise.all([
      ...leaving.map((pod) => succeed(world, 'bridge', call('DEL', pod))),
      ...coming.map((pod) => succeed(world, 'bridge', call('ADD', pod))),
    ]);
    const { elements } = await contents(world);
    const owners = new Set(elements.map((element) => element.split(' ')[1]));
    expect([...owners].sort()).to.deep.equal(coming.map(({ name }) => name).sort());
    await Promise.all(coming.map((pod) => succeed(world, 'bridge', call('DEL', pod))));
    expect((await contents(world)).elements).to.deep.equal([]);
  });
});
