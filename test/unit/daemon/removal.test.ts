import { expect } from 'chai';
import { newAdditions } from '../../../lib/daemon/additions';
import { newLinkRemovals } from '../../../lib/daemon/link-removals';
import { removal } from '../../../lib/daemon/removal';
import { newSweep } from '../../../lib/daemon/sweep';
import type { Applied, Step } from '../../../lib/kernel/contract';
import { job, turn } from './jobs';

describe('Removals of links', () => {
  /** A lane for them, in a kernel that tells of links that go when `goes` is called, or that the time has passed. */
  function removals() {
    const additions = newAdditions();
    const listening: ((gone: boolean) => void)[] = [];
    const lane = newLinkRemovals({ linkGone: () => new Promise((resolve) => listening.push(resolve)) }, additions);
    const jobs = Array.from({ length: 48 }, () => job());
    const begin = () => Promise.all(jobs.map(({ work }) => lane(work)));
    const goes = async (gone = true) => {
      listening.shift()?.(gone);
      await turn();
    };
    return { lane, additions, jobs, begin, goes, listening };
  }
  const state = ({ running, waiting }: { running(): number; waiting(): number }) => [running(), waiting()];

  it('are begun one after the other has let go of the lock of all links, up to forty', async () => {
    const { lane, jobs, begin, goes, listening } = removals();
    const all = begin();
    expect(state(lane)).to.deep.equal([1, 47]);
    await goes();
    expect(state(lane)).to.deep.equal([2, 46]);
    for (let i = 0; i < 60; i++) await goes();
    expect([...state(lane), listening.length]).to.deep.equal([40, 8, 0]);
    for (const { end } of jobs) end();
    await turn();
    for (let i = 0; i < 10; i++) await goes();
    await all;
    expect(state(lane)).to.deep.equal([0, 0]);
  });

  it('are begun when the kernel cannot tell, too', async () => {
    const additions = newAdditions();
    const lane = newLinkRemovals({ linkGone: () => Promise.reject(new Error('EMFILE')) }, additions);
    const jobs = [job(), job(), job()];
    const all = jobs.map(({ work }) => lane(work));
    for (let i = 0; i < 5; i++) await turn();
    expect(state(lane)).to.deep.equal([3, 0]);
    for (const { end } of jobs) end();
    await Promise.all(all);
  });

  it('wait for no news long after the last has begun', async () => {
    const { lane, jobs, listening } = removals();
    const [one, other] = [jobs[0] as (typeof jobs)[0], jobs[1] as (typeof jobs)[0]];
    const first = lane(one.work);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const second = lane(other.work);
    expect([...state(lane), listening.length]).to.deep.equal([2, 0, 0]);
    one.end();
    other.end();
    await Promise.all([first, second]);
  });

  it('wait until no ADD is at work', async () => {
    const { lane, additions, jobs, begin, goes } = removals();
    const { end } = additions.begin();
    const all = begin();
    await goes();
    expect(state(lane)).to.deep.equal([0, 48]);
    end();
    expect(state(lane)).to.deep.equal([1, 47]);
    for (const { end } of jobs) end();
    while (lane.waiting() > 0) await goes();
    await all;
  });

  it('hand on what the work throws, and free their place', async () => {
    const { lane } = removals();
    const failure = await lane(() => Promise.reject(new Error('no'))).catch((error: Error) => error.message);
    expect([failure, lane.running()]).to.deep.equal(['no', 0]);
  });
});

const elements = (key: string, table = 'trestle_a'): Step & { op: 'nft.batch' } => ({
  op: 'nft.batch',
  ns: 'host',
  family: 'inet',
  table,
  remove: [{ set: 's', keys: [key], comment: key }],
});
const link = (name: string): Step => ({ op: 'link.delete', ns: 'host', name, ifMissing: 'keep' });
const fault = (step: number) => ({ step, us: 1, op: 'delete', errno: 'EPERM', code: 1, message: 'no', extack: '' });

/** What is asked of the kernel, each time in words, and answered when `answer` is called. */
function kernel() {
  const asked: string[] = [];
  const waiting = new Map<string, (faulty: number[]) => void>();
  const words = (step: Step): string =>
    step.op === 'nft.batch'
      ? `${step.table} ${step.remove?.flatMap(({ keys }) => keys)}`
      : `${'name' in step && step.name}`;
  const apply = (steps: Step[]) =>
    new Promise<Applied>((resolve) => {
      const what = steps.map(words).join('; ');
      asked.push(what);
      const did = (i: number, faulty: number[]) => (faulty.includes(i) ? null : ({ did: 'deleted', us: 1 } as const));
      waiting.set(what, (faulty) =>
        resolve({ outcomes: steps.map((_, i) => did(i, faulty)), faults: faulty.map((i) => fault(i)) }),
      );
    });
  const answer = async (what: string, ...faulty: number[]) => {
    waiting.get(what)?.(faulty);
    await turn();
  };
  return { asked, apply, answer };
}

describe('A sweep', () => {
  it('takes out together what is asked for while another is under way, each table by itself', async () => {
    const { asked, apply, answer } = kernel();
    const sweep = newSweep();
    const all = Promise.all(
      [elements('1'), elements('2'), elements('3', 'trestle_b'), elements('4')].map((step) => sweep(step, apply)),
    );
    expect([asked, sweep.running()]).to.deep.equal([['trestle_a 1', 'trestle_b 3'], 2]);
    await answer('trestle_a 1');
    expect(asked.at(-1)).to.equal('trestle_a 2,4');
    await answer('trestle_b 3');
    await answer('trestle_a 2,4');
    expect((await all).map(({ outcomes, faults }) => [outcomes.length, faults.length])).to.deep.equal(
      Array.from({ length: 4 }, () => [1, 0]),
    );
    expect([asked.length, sweep.running()]).to.deep.equal([3, 0]);
  });

  it('lets each find out alone whose fault it is', async () => {
    const { asked, apply, answer } = kernel();
    const sweep = newSweep();
    const all = Promise.all(['1', '2', '3'].map((key) => sweep(elements(key), apply)));
    await answer('trestle_a 1', 0);
    expect(asked).to.deep.equal(['trestle_a 1', 'trestle_a 2,3']);
    await answer('trestle_a 2,3', 0);
    expect(asked.slice(2)).to.deep.equal(['trestle_a 2', 'trestle_a 3']);
    await answer('trestle_a 2');
    await answer('trestle_a 3', 0);
    expect((await all).map(({ faults }) => faults.length)).to.deep.equal([1, 0, 1]);
  });

  it('of nobody who cannot be served keeps others from being served', async () => {
    const { apply, answer } = kernel();
    const sweep = newSweep();
    const first = sweep(elements('1'), () => Promise.reject(new Error('no such namespace'))).catch(String);
    const second = sweep(elements('2'), apply);
    await turn();
    await answer('trestle_a 2');
    expect([await first, (await second).faults]).to.deep.equal(['Error: no such namespace', []]);
    expect(sweep.running()).to.equal(0);
  });
});

describe('A removal', () => {
  const lanes = () => ({
    linkRemovals: newLinkRemovals({ linkGone: async () => true }, newAdditions()),
    sweep: newSweep(),
  });

  it('is one run of steps where it is alone', async () => {
    const { asked, apply, answer } = kernel();
    const all = removal([elements('1'), link('veth1')], apply, lanes());
    await turn();
    expect(asked).to.deep.equal(['trestle_a 1; veth1']);
    await answer('trestle_a 1; veth1', 1);
    const { outcomes, faults } = await all;
    expect([outcomes, faults]).to.deep.equal([[{ did: 'deleted', us: 1 }, null], [fault(1)]]);
  });

  it('beside others takes out elements with theirs, then links when it is their turn', async () => {
    const { asked, apply, answer } = kernel();
    const both = lanes();
    const first = removal([link('veth1')], apply, both);
    const second = removal([elements('2'), link('veth2')], apply, both);
    const third = removal([elements('3'), link('veth3')], apply, both);
    await turn();
    expect([...asked].sort()).to.deep.equal(['trestle_a 2', 'veth1']);
    await answer('trestle_a 2', 0);
    expect(asked.slice(2).sort()).to.deep.equal(['trestle_a 3', 'veth2']);
    await answer('trestle_a 3');
    expect(asked.at(-1)).to.equal('veth3');
    await answer('veth2', 0);
    await answer('veth1');
    await answer('veth3');
    await Promise.all([first, second, third]);
    expect((await second).faults.map(({ step }) => step)).to.deep.equal([0, 1]);
  });

  it('leaves steps of other kinds in their order', async () => {
    const { asked, apply, answer } = kernel();
    const both = lanes();
    const first = removal([link('veth1')], apply, both);
    const drop: Step = { op: 'nft.batch', ns: 'host', family: 'ip', table: 'x', drop: { sets: [], rules: [] } };
    const second = removal([drop, elements('2'), link('veth2')], apply, both);
    await turn();
    expect(asked).to.deep.equal(['veth1', 'x undefined; trestle_a 2; veth2']);
    await answer('veth1');
    await answer('x undefined; trestle_a 2; veth2');
    await Promise.all([first, second]);
  });
});
