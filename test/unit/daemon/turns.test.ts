import { expect } from 'chai';
import { type Additions, newAdditions } from '../../../lib/daemon/additions';
import { newTurns } from '../../../lib/daemon/turns';
import { job, turn } from './jobs';

describe('The ADDs at work', () => {
  /** Whether others may proceed at once, and whether they have been told to since. */
  function asked(additions: Additions, since = performance.now()) {
    const all = { atOnce: false, told: 0 };
    all.atOnce = additions.none(since, () => {
      all.told += 1;
    });
    return all;
  }

  it('hold back others until the last of them ends', () => {
    const additions = newAdditions();
    expect(asked(additions)).to.deep.equal({ atOnce: true, told: 0 });
    const [one, other] = [additions.begin(), additions.begin()];
    const waiting = asked(additions);
    one.end();
    expect(waiting).to.deep.equal({ atOnce: false, told: 0 });
    other.end();
    expect(waiting).to.deep.equal({ atOnce: false, told: 1 });
  });

  it('are those, too, that are at work elsewhere', () => {
    let elsewhere = 1;
    const additions = newAdditions(() => elsewhere);
    const waiting = asked(additions);
    additions.begin().end();
    additions.check();
    expect(waiting).to.deep.equal({ atOnce: false, told: 0 });
    elsewhere = 0;
    additions.check();
    expect(waiting).to.deep.equal({ atOnce: false, told: 1 });
    expect(asked(additions).atOnce).to.equal(true);
  });

  it('do so no longer than a second', async () => {
    const additions = newAdditions();
    additions.begin();
    expect(asked(additions, performance.now() - 1_000).atOnce).to.equal(true);
    const waiting = asked(additions, performance.now() - 980);
    expect(waiting).to.deep.equal({ atOnce: false, told: 0 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(waiting).to.deep.equal({ atOnce: false, told: 1 });
  });

  it('let others pass while they wait for them, but not for what is had at once', async () => {
    const additions = newAdditions();
    const add = additions.begin();
    const waiting = asked(additions);
    expect(await add.aside(async () => 'a lock that is free')).to.equal('a lock that is free');
    await turn();
    expect(waiting.told).to.equal(0);
    const lock = job();
    const locked = add.aside(lock.work);
    await turn();
    await turn();
    expect(waiting.told).to.equal(1);
    lock.end();
    await locked;
    const later = asked(additions);
    add.end();
    expect(later).to.deep.equal({ atOnce: false, told: 1 });
  });

  it('go on when what they waited for has failed', async () => {
    const additions = newAdditions();
    const add = additions.begin();
    const lock = new Promise<void>((_, reject) => setTimeout(reject, 5, new Error('no')));
    const failure = await add.aside(() => lock).catch((error: Error) => error.message);
    expect([failure, asked(additions).atOnce]).to.deep.equal(['no', false]);
    add.end();
    expect(asked(additions).atOnce).to.equal(true);
  });
});

describe('The turns of the daemon', () => {
  it('begin one piece of work in each turn of the event loop, what is urgent first', async () => {
    const turns = newTurns(newAdditions());
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

  it('begin what is not urgent when no ADD is at work, and what is at once', async () => {
    const additions = newAdditions();
    const turns = newTurns(additions);
    const begun: string[] = [];
    const { end } = additions.begin();
    turns(false, () => begun.push('DEL'));
    await turn();
    await turn();
    turns(true, () => begun.push('another ADD'));
    await turn();
    await turn();
    expect(begun).to.deep.equal(['another ADD']);
    end();
    await turn();
    expect(begun).to.deep.equal(['another ADD', 'DEL']);
  });

  it('ask but once whether an ADD is at work, and then wait to be told', async () => {
    const asked: (() => void)[] = [];
    const turns = newTurns({ ...newAdditions(), none: (_, proceed) => asked.push(proceed) < 1 });
    turns(false, () => {});
    for (let i = 0; i < 5; i++) await turn();
    turns(false, () => {});
    for (let i = 0; i < 5; i++) await turn();
    expect(asked.length).to.equal(1);
    asked[0]?.();
    await turn();
    expect(asked.length).to.equal(2);
  });

  it('begin nothing that is not urgent while others connect, for a second at most', async () => {
    const additions = newAdditions();
    const turns = newTurns(additions);
    const begun: string[] = [];
    let isCrowded = true;
    const crowd = (): void => {
      additions.arrived();
      if (isCrowded) setImmediate(crowd);
    };
    crowd();
    turns(false, () => begun.push('DEL 1'));
    for (let i = 0; i < 10; i++) await turn();
    expect(begun).to.deep.equal([]);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect(begun).to.deep.equal(['DEL 1']);
    turns(false, () => begun.push('DEL 2'));
    isCrowded = false;
    for (let i = 0; i < 3; i++) await turn();
    expect(begun).to.deep.equal(['DEL 1', 'DEL 2']);
  });
});
