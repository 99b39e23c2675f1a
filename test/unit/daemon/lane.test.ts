import { expect } from 'chai';
import { lane } from '../../../lib/daemon/lane';
import { newLanes } from '../../../lib/daemon/lanes';
import { newTurns } from '../../../lib/daemon/turns';
import { plugins } from '../../../lib/plugins';

/** Work that goes on until it is told to end. */
function job() {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, work: () => ended };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

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
  it('let an IPAM plugin through however many others wait', async () => {
    const lanes = newLanes({ plugins });
    const jobs = Array.from({ length: 70 }, () => job());
    const all = jobs.map(({ work }) => lanes.enter({ type: 'bridge', env: {} }, work));
    expect([lanes.running(), lanes.waiting()]).to.deep.equal([64, 6]);
    expect(await lanes.enter({ type: 'host-local', env: {} }, async () => 'an address')).to.equal('an address');
    for (const { end } of jobs) end();
    await Promise.all(all);
  });
});

describe('Removals', () => {
  it('ask the kernel forty at a time', async () => {
    const { removal } = newLanes({ plugins });
    const jobs = Array.from({ length: 48 }, () => job());
    const all = jobs.map(({ work }) => removal(work));
    expect([removal.running(), removal.waiting()]).to.deep.equal([40, 8]);
    for (const { end } of jobs) end();
    await Promise.all(all);
  });
});

describe('The turns of the daemon', () => {
  it('begin one piece of work in each turn of the event loop, what is urgent first', async () => {
    const turns = newTurns();
    const begun: string[] = [];
    const arrived = () => setImmediate(() => begun.push('(what has arrived)'));
    turns(false, () => begun.push('DEL 1'));
    arrived();
    turns(false, () => begun.push('DEL 2'));
    turns(false, () => begun.push('DEL 3'));
    turns(true, () => begun.push('ADD'));
    while (begun.length < 5) await turn();
    expect(begun).to.deep.equal(['ADD', '(what has arrived)', 'DEL 1', 'DEL 2', 'DEL 3']);
    turns(false, () => begun.push('later'));
    await turn();
    expect(begun.at(-1)).to.equal('later');
  });
});
