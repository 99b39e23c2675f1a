import { expect } from 'chai';
import { lane } from '../../../lib/daemon/lane';
import { newLanes } from '../../../lib/daemon/lanes';
import { plugins } from '../../../lib/plugins';
import { job, tellsNothing, turn } from './jobs';

describe('A lane', () => {
  it('does so much at once, and the rest in the order in which it came', async () => {
    const two = lane(2);
    const begun: number[] = [];
    const jobs = [0, 1, 2, 3, 4].map(() => job());
    const all = jobs.map(({ work }, i) =>
      two(() => {
        begun.push(i);
        return work();
      }),
    );
    await turn();
    expect({ begun: [...begun], running: two.running(), waiting: two.waiting() }).to.deep.equal({
      begun: [0, 1],
      running: 2,
      waiting: 3,
    });
    jobs[1]?.end();
    await turn();
    expect(begun).to.deep.equal([0, 1, 2]);
    for (const { end } of jobs) end();
    await Promise.all(all);
    expect({ begun, running: two.running(), waiting: two.waiting() }).to.deep.equal({
      begun: [0, 1, 2, 3, 4],
      running: 0,
      waiting: 0,
    });
  });

  it('lets nobody pass who comes when a place becomes free', async () => {
    const one = lane(1);
    const first = job();
    const begun: string[] = [];
    const running = one(first.work).then(() => one(async () => void begun.push('late')));
    const waiting = one(async () => void begun.push('waiting'));
    first.end();
    await Promise.all([running, waiting]);
    expect(begun).to.deep.equal(['waiting', 'late']);
  });

  it('hands on what the work throws, and frees its place', async () => {
    const one = lane(1);
    const failure = await one(() => Promise.reject(new Error('no'))).catch((error: Error) => error.message);
    expect([failure, await one(async () => 'yes'), one.running()]).to.deep.equal(['no', 'yes', 0]);
  });
});

describe('The lanes of the daemon', () => {
  const crowd = (lanes: ReturnType<typeof newLanes>, command: string) => {
    const jobs = Array.from({ length: 70 }, () => job());
    const all = jobs.map(({ work }) => lanes.enter({ type: 'bridge', env: { CNI_COMMAND: command } }, work));
    return { end: () => jobs.forEach(({ end }) => void end()), all: Promise.all(all) };
  };

  it('let an IPAM plugin through however many others wait', async () => {
    const lanes = newLanes({ plugins, kernel: tellsNothing });
    const { end, all } = crowd(lanes, 'DEL');
    expect([lanes.running(), lanes.waiting()]).to.deep.equal([64, 6]);
    expect(await lanes.enter({ type: 'host-local', env: {} }, async () => 'an address')).to.equal('an address');
    end();
    await all;
  });

  it('let an ADD through however many removals wait', async () => {
    const lanes = newLanes({ plugins, kernel: tellsNothing });
    const { end, all } = crowd(lanes, 'DEL');
    const add = lanes.enter({ type: 'bridge', env: { CNI_COMMAND: 'ADD' } }, async () => 'an interface');
    expect(await add).to.equal('an interface');
    end();
    await all;
  });

  it('hand on what a DEL has asked the kernel when no ADD is at work', async () => {
    const lanes = newLanes({ plugins, kernel: tellsNothing });
    const said: string[] = [];
    const add = job();
    const asked = job();
    const del = lanes.enter({ type: 'bridge', env: { CNI_COMMAND: 'DEL' } }, async ({ inTurn }) => {
      said.push('DEL has begun');
      await inTurn(asked.work());
      said.push('DEL goes on');
    });
    while (said.length === 0) await turn();
    const adding = lanes.enter({ type: 'bridge', env: { CNI_COMMAND: 'ADD' } }, async ({ inTurn }) => {
      await inTurn(add.work());
      said.push('ADD goes on');
    });
    asked.end();
    for (let i = 0; i < 5; i++) await turn();
    expect(said).to.deep.equal(['DEL has begun']);
    add.end();
    await Promise.all([del, adding]);
    expect(said).to.deep.equal(['DEL has begun', 'ADD goes on', 'DEL goes on']);
  });
});
