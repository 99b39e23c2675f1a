import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { LockRequest } from '../../../lib/kernel/contract';
import { native } from '../../../lib/kernel/native';
import { run } from '../../support/run';

describe('locks', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'trestle-locks-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const path = () => join(directory, 'lock');

  const kinds: { kind: string; request: () => LockRequest }[] = [
    { kind: 'ofd', request: () => ({ kind: 'ofd', path: path(), offset: 7, timeoutMs: 0 }) },
    { kind: 'flock', request: () => ({ kind: 'flock', path: path(), timeoutMs: 0 }) },
  ];
  for (const { kind, request } of kinds) {
    describe(kind, () => {
      it('makes a private file, and is not had twice', async () => {
        const lock = await native().lock(request());
        expect(lock).to.be.a('number');
        expect(statSync(path()).mode & 0o777).to.equal(0o600);
        expect(await native().lock(request())).to.equal(null);
        native().unlock(lock as number);
        const again = await native().lock(request());
        expect(again).to.be.a('number');
        native().unlock(again as number);
      });

      it('waits until another lets go, without holding up the event loop', async () => {
        const lock = (await native().lock(request())) as number;
        const waiting = native().lock({ ...request(), timeoutMs: 5000 });
        await sleep(30);
        native().unlock(lock);
        const second = await waiting;
        expect(second).to.be.a('number');
        native().unlock(second as number);
      });

      it('gives up after its time', async () => {
        const lock = (await native().lock(request())) as number;
        const start = performance.now();
        expect(await native().lock({ ...request(), timeoutMs: 60 })).to.equal(null);
        expect(performance.now() - start).to.be.within(59, 5000);
        native().unlock(lock);
      });

      it('takes turns among many', async () => {
        let holders = 0;
        const turns = Array.from({ length: 30 }, async () => {
          const lock = (await native().lock({ ...request(), timeoutMs: 20_000 })) as number;
          expect(++holders).to.equal(1);
          await sleep(1);
          holders--;
          native().unlock(lock);
        });
        await Promise.all(turns);
      });

      it('is not left on a file that was removed while it waited', async () => {
        const lock = (await native().lock(request())) as number;
        const waiting = native().lock({ ...request(), timeoutMs: 5000 });
        await sleep(30);
        rmSync(path());
        native().unlock(lock);
        const second = (await waiting) as number;
        expect(await native().lock(request()), 'the file of that name is locked').to.equal(null);
        native().unlock(second);
      });

      it('names the file that cannot be opened', async () => {
        const fault = await native()
          .lock({ ...request(), path: join(directory, 'no', 'lock') })
          .catch((e) => e);
        expect(fault).to.include({ op: `open lock ${directory}/no/lock`, errno: 'ENOENT', code: 2 });
        mkdirSync(path());
        expect(
          (
            await native()
              .lock(request())
              .catch((e) => e)
          ).errno,
        ).to.equal('EISDIR');
      });
    });
  }

  it('two bytes of one file are two locks', async () => {
    const request = { kind: 'ofd', path: path(), timeoutMs: 0 } as const;
    const far = Number.MAX_SAFE_INTEGER;
    const locks = [await native().lock({ ...request, offset: 0 }), await native().lock({ ...request, offset: far })];
    expect(locks).to.not.include(null);
    expect(await native().lock({ ...request, offset: far })).to.equal(null);
    for (const lock of locks) {
      native().unlock(lock as number);
    }
  });

  it('a shared one is had by several, and by nobody alone meanwhile', async () => {
    const alone = { kind: 'ofd', path: path(), offset: 7, timeoutMs: 0 } as const;
    const shared = { ...alone, shared: true };
    const [one, two] = [await native().lock(shared), await native().lock(shared)] as [number, number];
    native().unlock(one);
    expect(await native().lock(alone)).to.equal(null);
    native().unlock(two);
    const three = (await native().lock(alone)) as number;
    expect(await native().lock(shared)).to.equal(null);
    native().unlock(three);
  });

  it('flock is the lock that flock(1) takes, on a file of any mode', async () => {
    writeFileSync(path(), '');
    chmodSync(path(), 0o444);
    const lock = (await native().lock({ kind: 'flock', path: path(), timeoutMs: 0 })) as number;
    expect((await run('flock', ['-n', path(), 'true'])).code).to.equal(1);
    native().unlock(lock);
    expect((await run('flock', ['-n', path(), 'true'])).code).to.equal(0);
  });

  it('a program that is started does not inherit a lock', async () => {
    const lock = (await native().lock({ kind: 'flock', path: path(), timeoutMs: 0 })) as number;
    const child = run('sleep', ['0.3']);
    native().unlock(lock);
    const again = (await native().lock({ kind: 'flock', path: path(), timeoutMs: 0 })) as number;
    expect(again).to.be.a('number');
    native().unlock(again);
    await child;
  });

  it('unlock refuses what is no lock', async () => {
    for (const wrong of [0, 1, 2, -1, 1e9, 1.5, Number.NaN, '3', null, undefined, {}] as number[]) {
      expect(() => native().unlock(wrong), String(wrong)).to.throw('this is no lock that is held');
    }
    expect(statSync('/proc/self/fd/1')).to.be.an('object');
  });
});
