import { mkdtempSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { NetnsFact, Step } from '../../../lib/kernel/contract';
import { native } from '../../../lib/kernel/native';
import { pair, podUp, runScript, useNamespaces } from './support';

const descriptors = () => readdirSync('/proc/self/fd').length;
const threads = () => readdirSync('/proc/self/task').length;
const namespaces = () =>
  new Set(readdirSync('/proc/self/task').map((task) => readlinkSync(`/proc/self/task/${task}/ns/net`)));

/** Waits until a count is back at what it was: a thread is gone some time after its answer has come. */
async function settles(count: () => number, before: number): Promise<void> {
  for (let tries = 0; tries < 100 && count() > before; tries++) {
    await sleep(10);
  }
  expect(count()).to.be.at.most(before);
}

describe('the threads of the addon', () => {
  const ns = useNamespaces();
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'trestle-threads-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('answer fifty observations and changes at once', async () => {
    await ns.apply(pair, podUp);
    const calls = Array.from({ length: 50 }, async (_, i) => {
      const address = `10.5.${i}.1/24`;
      const step: Step = { op: 'addr.add', ns: 'pod', link: 'eth0', address, ifExists: 'fail' };
      const [{ faults }, [host, pod]] = await Promise.all([
        ns.attempt(step),
        native().observe(ns.where, [
          { query: 'netns', ns: 'host' },
          { query: 'netns', ns: 'pod' },
        ]),
      ]);
      expect(faults).to.deep.equal([]);
      return [host, pod] as [NetnsFact, NetnsFact];
    });
    const facts = await Promise.all(calls);
    expect(new Set(facts.map(([host]) => host.ino))).to.deep.equal(new Set([statSync(ns.where.host).ino]));
    expect(new Set(facts.map(([, pod]) => pod.ino))).to.deep.equal(new Set([statSync(ns.where.pod).ino]));
    expect((await ns.ip('pod', '-4', 'addr', 'show', 'eth0'))[0].addr_info).to.have.length(50);
  });

  it('leave the namespace of every other thread, descriptors and threads as they were', async () => {
    const queries = [
      { query: 'links', ns: 'host' },
      { query: 'links', ns: 'pod' },
      { query: 'sysctl', ns: 'pod', key: 'net/ipv4/ip_forward' },
      { query: 'nft.sets', ns: 'pod', family: 'inet', table: 't' },
    ] as const;
    const round = () =>
      Promise.all([
        ...Array.from({ length: 10 }, () => native().observe(ns.where, [...queries])),
        native()
          .observe({ pod: '/run/nosuch' }, [queries[1]])
          .catch(() => {}),
        native().apply(ns.where, [{ op: 'link.delete', ns: 'pod', name: 'eth7', ifMissing: 'keep' }], 'continue'),
      ]);
    await round();
    await sleep(100);
    const before = { descriptors: descriptors(), threads: threads(), own: readlinkSync('/proc/self/ns/net') };
    for (let i = 0; i < 10; i++) {
      await round();
    }
    await settles(threads, before.threads);
    await settles(descriptors, before.descriptors);
    expect(namespaces()).to.deep.equal(new Set([before.own]));
  });

  it('keep the event loop alive until they have answered', async () => {
    const script = `
      load(process.argv[1]).observe({}, [{ query: 'links', ns: 'host' }]).then((answers) => console.log(answers.length));
    `;
    expect((await runScript(script)).stdout).to.equal('1\n');
  });

  it('that wait for a lock do not hold up the end of the process', async () => {
    const script = `
      const addon = load(process.argv[1]);
      const request = { kind: 'flock', path: process.argv[2], timeoutMs: 60000 };
      addon.lock(request).then(() => {
        addon.lock(request);
        setTimeout(() => process.exit(7), 50);
      });
    `;
    const start = performance.now();
    const ran = await runScript(script, [join(directory, 'lock')]);
    expect(ran.code).to.equal(7);
    expect(performance.now() - start).to.be.below(10_000);
  });

  it('of a worker end with it', async () => {
    const script = `
      const { Worker } = require('node:worker_threads');
      const code = \`
        const { workerData } = require('node:worker_threads');
        const addon = require(workerData.addon);
        const request = { kind: 'flock', path: workerData.lock, timeoutMs: 60000 };
        addon.lock(request).then(() => { addon.lock(request); setTimeout(() => process.exit(0), 20); });
      \`;
      const lock = process.argv[2];
      const worker = new Worker(code, { eval: true, workerData: { addon: process.argv[1], lock } });
      worker.on('exit', () => {
        const request = { kind: 'flock', path: lock, timeoutMs: 0 };
        load(process.argv[1]).lock(request).then((lock) => console.log(typeof lock));
      });
    `;
    const printed = (await runScript(script, [join(directory, 'lock')])).stdout;
    expect(printed, 'its lock is free again').to.equal('number\n');
  });
});
