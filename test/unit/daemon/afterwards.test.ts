import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { newAfterwards } from '../../../lib/daemon/afterwards';

describe('work that nobody waits for', () => {
  it('is done in a little while, all of it, in the order in which it came', async () => {
    const { push } = newAfterwards();
    const done: number[] = [];
    for (const i of [1, 2, 3]) push(() => done.push(i));
    expect(done).to.deep.equal([]);
    for (const ends = Date.now() + 5_000; done.length < 3 && Date.now() < ends; ) await sleep(1);
    expect(done).to.deep.equal([1, 2, 3]);
  });

  it('is done at once for whoever asks what was done, and not again', async () => {
    const { push, catchUp } = newAfterwards();
    const done: number[] = [];
    push(() => done.push(1));
    catchUp();
    expect(done).to.deep.equal([1]);
    push(() => done.push(2));
    for (const ends = Date.now() + 5_000; done.length < 2 && Date.now() < ends; ) await sleep(1);
    expect(done).to.deep.equal([1, 2]);
  });
});
