import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseArgs } from '../../../lib/cni/args';
import { parseConfig } from '../../../lib/cni/config';
import type { Request } from '../../../lib/cni/request';
import type { Result } from '../../../lib/cni/result';
import { hostLocal } from '../../../lib/ipam/host-local';
import { hostLocalConfig } from '../../../lib/ipam/host-local/config';
import { type Bench, newBench, refusalOf } from './support';

describe('the preview of host-local', () => {
  let bench: Bench;
  const tiny = { ranges: [[{ subnet: '10.1.2.0/29', rangeEnd: '10.1.2.4' }], [{ subnet: 'fd00::/64' }]] };

  afterEach(() => bench.remove());

  const previewed = async ({ id = 'c9', args = '', released = false } = {}): Promise<Result> => {
    const request = {
      command: 'ADD',
      containerId: id,
      ifname: 'eth0',
      name: 'net',
      cniVersion: '1.1.0',
      args: parseArgs(args),
      config: bench.config,
    } as unknown as Request;
    const host = { ...bench.host, flock: () => Promise.reject(new Error('a lock was taken')) };
    const context = { request, host, config: parseConfig(hostLocalConfig, bench.config) };
    return (await hostLocal.preview?.(context, { released })) as Result;
  };

  /** Every file below the bench's folders, with its time. */
  const everything = () =>
    [bench.dataDir, bench.stateDir].map((folder) => {
      try {
        return readdirSync(folder, { recursive: true }).map((name) => [
          name,
          statSync(join(folder, `${name}`)).mtimeMs,
        ]);
      } catch {
        return 'missing';
      }
    });

  it('on an empty pool is the first address of each set, and makes no folder', async () => {
    bench = newBench(tiny);
    const { ips } = await previewed();
    expect(ips?.map(({ address }) => address)).to.deep.equal(['10.1.2.2/29', 'fd00::2/64']);
    expect(everything()).to.deep.equal(['missing', 'missing']);
  });

  it('is what the next ADD gets, however many were given out and released', async () => {
    bench = newBench(tiny);
    for (const [work, id] of [
      ['add', 'c1'],
      ['add', 'c2'],
      ['del', 'c1'],
      ['add', 'c3'],
      ['del', 'c2'],
    ] as const) {
      await bench[work]({ id });
      const before = everything();
      const expected = await previewed({ id: 'c4' });
      expect(everything()).to.deep.equal(before);
      if (work === 'add') continue;
      expect(await bench.add({ id: 'c4' })).to.deep.equal(expected);
      await bench.del({ id: 'c4' });
    }
  });

  it('refuses what ADD refuses: a full pool, a second lease, an address that is taken', async () => {
    bench = newBench(tiny);
    for (const id of ['c1', 'c2', 'c3']) await bench.add({ id });
    const full = await refusalOf(bench.add({ id: 'c4' }));
    expect(full).to.match(/no IP addresses available/);
    expect(await refusalOf(previewed({ id: 'c4' }))).to.equal(full);
    expect(await refusalOf(previewed({ id: 'c1' }))).to.equal(await refusalOf(bench.add({ id: 'c1' })));
    const args = 'IP=10.1.2.3';
    expect(await refusalOf(previewed({ id: 'c4', args }))).to.equal(await refusalOf(bench.add({ id: 'c4', args })));
  });

  it('can be asked as if the lease of this interface were released', async () => {
    bench = newBench(tiny);
    const first = await bench.add({ id: 'c1' });
    await bench.add({ id: 'c2' });
    await bench.add({ id: 'c3' });
    expect((await previewed({ id: 'c1', released: true })).ips?.[0]).to.deep.equal(first.ips?.[0]);
  });

  it('takes an empty lease file for free, and leaves it', async () => {
    bench = newBench({ subnet: '10.1.2.0/24' });
    mkdirSync(bench.folder, { recursive: true });
    writeFileSync(join(bench.folder, '10.1.2.2'), '');
    writeFileSync(join(bench.folder, '10.1.2.3'), 'who\r\never\r\nthis is');
    expect((await previewed()).ips?.[0]?.address).to.equal('10.1.2.2/24');
    writeFileSync(join(bench.folder, 'last_reserved_ip.0'), '10.1.2.2');
    expect((await previewed()).ips?.[0]?.address).to.equal('10.1.2.4/24');
    expect(Object.keys(bench.files())).to.deep.equal(['10.1.2.2', '10.1.2.3', 'last_reserved_ip.0']);
  });

  it('gives a lease of an earlier boot back to its container', async () => {
    bench = newBench({ subnet: '10.1.2.0/24' });
    await bench.add({ id: 'c1' });
    await bench.add({ id: 'c2' });
    bench.host.bootTime = Date.now();
    utimesSync(join(bench.folder, '10.1.2.2'), 1, 1);
    const expected = await previewed({ id: 'c1' });
    expect(expected.ips?.[0]?.address).to.equal('10.1.2.2/24');
    expect(await bench.add({ id: 'c1' })).to.deep.equal(expected);
  });
});
