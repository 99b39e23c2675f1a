import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { build } from 'esbuild';
import { leaseIndex } from '../../lib/ipam/host-local/index-cache';
import { output, type Ran, run } from '../support/run';
import { lockingHost } from '../unit/ipam/locking-host';
import { type Bench, newBench } from '../unit/ipam/support';
import type { Job } from '../unit/ipam/worker';

const addon = resolve(__dirname, '../../build/Release/trestle_native.node');

describe('processes of host-local', () => {
  let bench: Bench;
  let folder: string;
  let worker: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'host-local-worker-'));
    worker = join(folder, 'worker.js');
    const entryPoints = [join(__dirname, '../unit/ipam/worker.ts')];
    await build({ entryPoints, outfile: worker, bundle: true, platform: 'node', logLevel: 'error' });
  });
  after(() => rmSync(folder, { recursive: true }));
  afterEach(() => bench.remove());

  function start(command: Job['command'], id: string, before: string[] = []): Promise<Ran> {
    const { config, stateDir } = bench;
    const input = JSON.stringify({ command, config, stateDir, call: { id }, addon } satisfies Job);
    const [file = '', ...args] = [...before, process.execPath, worker];
    return run(file, args, { input });
  }

  const leases = (): string[] => Object.keys(bench.files()).filter((name) => !name.startsWith('last'));

  it('give 30 pods at once addresses of their own, and release them at once', async () => {
    bench = newBench({ subnet: '10.1.2.0/27', gateway: '10.1.2.31' }, lockingHost);
    const ids = Array.from({ length: 30 }, (_, i) => `c${i}`);
    const added = await Promise.all(ids.map((id) => start('add', id)));
    expect(added.map(({ stderr }) => stderr).join('')).to.equal('');
    expect(new Set(added.map(({ stdout }) => JSON.parse(stdout).ips[0].address)).size).to.equal(30);
    expect(new Set(Object.values(bench.files()).filter((text) => text.startsWith('c'))).size).to.equal(30);
    const deleted = await Promise.all(ids.map((id) => start('del', id)));
    expect(deleted.map(({ stderr }) => stderr).join('')).to.equal('');
    expect(leases()).to.deep.equal([]);
  });

  for (const command of ['add', 'del'] as const) {
    it(`that are killed at any system call of an ${command.toUpperCase()} on their files leave nothing that DEL does not remove`, async () => {
      bench = newBench({ subnet: '10.1.2.0/30' }, lockingHost);
      await bench.add();
      const paths = ownPaths();
      await bench.del();
      await bench.add({ id: 'c2' });
      await bench.del({ id: 'c2' });
      for (let nth = 1; ; nth++) {
        if (command === 'del') await bench.add();
        const ran = await start(command, 'c1', killedAt(nth, paths));
        await bench.del();
        expect(leases(), `killed at call ${nth}`).to.deep.equal([]);
        expect((await bench.add({ id: 'c2' })).ips, `killed at call ${nth}`).to.have.length(1);
        await bench.del({ id: 'c2' });
        expect(leases(), `killed at call ${nth}`).to.deep.equal([]);
        if (ran.signal === null && ran.code === 0) return expect(nth).to.be.above(4);
      }
    });
  }

  /** The files of the lease folder and of the index while c1 holds the first address. */
  function ownPaths(): string[] {
    const index = leaseIndex(bench.stateDir, bench.folder).path;
    return [bench.folder, index].flatMap((path) => [path, ...readdirSync(path).map((name) => join(path, name))]);
  }

  /** strace kills before the nth call that names one of these files, or a descriptor of one. */
  function killedAt(nth: number, paths: string[]): string[] {
    const inject = `inject=all:signal=KILL:when=${nth}`;
    return ['strace', '-f', '-qq', '-o', '/dev/null', ...paths.flatMap((path) => ['-P', path]), '-e', inject];
  }

  it('make no more system calls at 2,000 leases than at none', async () => {
    bench = newBench({ subnet: '10.1.0.0/16' }, lockingHost);
    const count = async (id: string): Promise<number> => {
      const log = join(folder, 'calls');
      const args = ['-f', '-qq', '-o', log, '-e', 'trace=%file,getdents64', process.execPath, worker];
      const { config, stateDir } = bench;
      const input = JSON.stringify({ command: 'add', config, stateDir, call: { id }, addon } satisfies Job);
      await output('strace', args, { input });
      return Number((await output('grep', ['-c', bench.dataDir.replace(/\/data$/, ''), log])).trim());
    };
    await bench.add({ id: 'first' });
    const few = await count('few');
    for (let i = 0; i < 2000; i++) await bench.add({ id: `held${i}` });
    expect(await count('many')).to.equal(few);
  });
});
