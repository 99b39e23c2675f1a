import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { isCurrent, leaseIndex, rebuild } from '../../../../lib/ipam/host-local/index-cache';
import { type Bench, newBench, refusalOf } from '../support';

/** Counts the calls of node:fs that `work` makes, by name. */
async function fsCalls(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const functions = fs as unknown as Record<string, (...args: unknown[]) => unknown>;
  const counts: Record<string, number> = {};
  const originals = Object.keys(fs)
    .filter((name) => name.endsWith('Sync'))
    .map((name) => [name, functions[name]] as const);
  for (const [name, original] of originals) {
    functions[name] = (...args) => {
      counts[name] = (counts[name] ?? 0) + 1;
      return original?.(...args);
    };
  }
  try {
    await work();
  } finally {
    for (const [name, original] of originals) if (original) functions[name] = original;
  }
  return counts;
}

describe("host-local's index of leases", () => {
  let bench: Bench;
  beforeEach(() => {
    bench = newBench({ subnet: '10.1.0.0/16' });
  });
  afterEach(() => bench.remove());

  const leases = (): string[] => Object.keys(bench.files()).filter((name) => !name.startsWith('last'));
  const indexPath = (): string => leaseIndex(bench.stateDir, bench.folder).path;
  const stampPath = (): string => leaseIndex(bench.stateDir, bench.folder).stamp;
  const isSealed = (): boolean => isCurrent(leaseIndex(bench.stateDir, bench.folder));

  it('makes the cost of ADD, CHECK and DEL the same at 2 and at 2,000 leases', async () => {
    const costs: Record<string, number>[][] = [];
    for (const count of [2, 2000]) {
      await bench.add({ id: `first of ${count}`.replaceAll(' ', '-') });
      for (let i = 2; i < count; i++)
        fs.writeFileSync(join(bench.folder, `10.1.${100 + (i >> 8)}.${i & 255}`), `held${i}\r\neth0`);
      await bench.del({ id: 'nobody' });
      const round = [() => bench.add(), () => bench.check(), () => bench.del()];
      const cost = [];
      for (const work of round) cost.push(await fsCalls(work));
      costs.push(cost);
    }
    expect(costs[1]).to.deep.equal(costs[0]);
    expect(costs[1]?.map((cost) => cost.readdirSync ?? 0)).to.deep.equal([0, 0, 0]);
  });

  it('reads every lease once after another program changed something, and not again', async () => {
    for (let i = 0; i < 50; i++) await bench.add({ id: `held${i}` });
    fs.writeFileSync(join(bench.folder, '10.1.9.9'), 'c1\r\neth0');
    expect((await fsCalls(() => bench.check())).readFileSync).to.be.above(50);
    expect((await fsCalls(() => bench.check())).readFileSync).to.be.below(5);
  });

  it('is not believed before it is sealed, also where a lease is made in the very moment', async () => {
    await bench.add();
    rebuild(leaseIndex(bench.stateDir, bench.folder), []);
    const { atime, mtime } = fs.lstatSync(stampPath());
    fs.writeFileSync(join(bench.folder, '10.1.9.9'), 'c2\r\neth0');
    const made = fs.statSync(bench.folder).mtimeMs;
    expect([atime, mtime].map(Number)).to.deep.equal([0, 0]);
    expect(made).to.not.equal(0);
    expect(isSealed()).to.equal(false);
  });

  it('is not believed after another program added a lease', async () => {
    await bench.add({ id: 'c2' });
    fs.writeFileSync(join(bench.folder, '10.1.9.9'), 'c1\r\neth0');
    expect(await refusalOf(bench.add())).to.contain('10.1.9.9 has been allocated to c1');
    await bench.del();
    expect(leases()).to.deep.equal(['10.1.0.2']);
  });

  it('is not believed after a lease was removed, nor after it was given to somebody else', async () => {
    await bench.add();
    fs.rmSync(join(bench.folder, '10.1.0.2'));
    fs.writeFileSync(join(bench.folder, '10.1.0.2'), 'c2\r\neth0');
    await bench.del();
    expect(leases()).to.deep.equal(['10.1.0.2']);
    await bench.del({ id: 'c2' });
    expect(leases()).to.deep.equal([]);
  });

  it('is contradicted by a lease file that was edited in place', async () => {
    await bench.add();
    fs.writeFileSync(join(bench.folder, '10.1.0.2'), 'c2\r\neth0', { flag: 'r+' });
    await bench.del();
    expect(leases()).to.deep.equal(['10.1.0.2']);
    await bench.del({ id: 'c2' });
    expect(leases()).to.deep.equal([]);
  });

  it('is not believed when the folder is another one of the same name', async () => {
    await bench.add();
    const { mtimeNs } = fs.statSync(bench.folder, { bigint: true });
    fs.renameSync(bench.folder, `${bench.folder}.old`);
    fs.cpSync(`${bench.folder}.old`, bench.folder, { recursive: true });
    fs.writeFileSync(join(bench.folder, '10.1.0.3'), 'c2\r\neth0');
    // To the nanosecond, which Node's own cannot.
    const time = `@${mtimeNs / 1_000_000_000n}.${String(mtimeNs % 1_000_000_000n).padStart(9, '0')}`;
    execFileSync('touch', ['--date', time, bench.folder]);
    expect(fs.statSync(bench.folder, { bigint: true }).mtimeNs).to.equal(mtimeNs);
    await bench.del({ id: 'c2' });
    expect(leases()).to.deep.equal(['10.1.0.2']);
  });

  it('is made again when it, all state or only its stamp is lost', async () => {
    const damages = [
      () => fs.rmSync(bench.stateDir, { recursive: true }),
      () => fs.rmSync(indexPath(), { recursive: true }),
      () => fs.rmSync(stampPath()),
    ];
    for (const damage of damages) {
      await bench.add();
      damage();
      await bench.del();
      expect(leases()).to.deep.equal([]);
    }
  });

  it('is done without where it cannot be written', async () => {
    fs.writeFileSync(bench.stateDir, '');
    await bench.add();
    expect(await refusalOf(bench.add())).to.contain('duplicate allocation');
    await bench.check();
    await bench.add({ id: 'c2' });
    await bench.del();
    expect(leases()).to.deep.equal(['10.1.0.3']);
  });

  it('is not sealed when a change of it fails half-way', async () => {
    await bench.add();
    expect(isSealed()).to.equal(true);
    const { symlinkSync } = fs;
    const mutable = fs as { symlinkSync: typeof symlinkSync };
    mutable.symlinkSync = () => {
      throw new Error('no space left');
    };
    await bench.add({ id: 'c2' }).finally(() => {
      mutable.symlinkSync = symlinkSync;
    });
    expect(isSealed()).to.equal(false);
    await bench.del({ id: 'c2' });
    expect(leases()).to.deep.equal(['10.1.0.2']);
  });
});

describe('a process of host-local that was killed', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = newBench({ subnet: '10.1.2.0/30' });
  });
  afterEach(() => bench.remove());

  it('between creating and writing a lease leaves debris, of which the next ADD makes a lease', async () => {
    for (const debris of ['', ' \r\n', '\0\0\0\0\0\0\0\0']) {
      fs.mkdirSync(bench.folder, { recursive: true });
      fs.writeFileSync(join(bench.folder, '10.1.2.2'), debris);
      expect((await bench.add()).ips?.[0]?.address).to.equal('10.1.2.2/30');
      await bench.del();
    }
  });

  it('after any of the calls that change something leaves what the next DEL and ADD put right', async () => {
    const changes = [
      'openSync',
      'writeSync',
      'writeFileSync',
      'unlinkSync',
      'rmSync',
      'symlinkSync',
      'utimesSync',
      'mkdirSync',
    ];
    for (let nth = 1; ; nth++) {
      const died = await dieAtChange(changes, nth, async () => {
        await bench.add();
        await bench.del();
      });
      await bench.del();
      expect(
        Object.keys(bench.files()).filter((name) => name.startsWith('10.') && bench.files()[name] !== ''),
      ).to.deep.equal([], `killed at change ${nth}`);
      expect((await bench.add()).ips?.[0]?.address, `killed at change ${nth}`).to.equal('10.1.2.2/30');
      await bench.del();
      if (!died) return expect(nth).to.be.above(12);
    }
  });

  /** Lets the first `nth` changes happen and none after: what a process that is killed would have done. */
  async function dieAtChange(names: string[], nth: number, work: () => Promise<void>): Promise<boolean> {
    const functions = fs as unknown as Record<string, (...args: unknown[]) => unknown>;
    const originals = names.map((name) => [name, functions[name]] as const);
    let changes = 0;
    for (const [name, original] of originals) {
      functions[name] = (...args) => {
        changes += 1;
        if (changes > nth) throw new Error('killed');
        return original?.(...args);
      };
    }
    const died = await work().then(
      () => false,
      () => true,
    );
    for (const [name, original] of originals) if (original) functions[name] = original;
    return died || changes > nth;
  }
});
