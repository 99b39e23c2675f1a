import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CniError } from '../../../lib/cni/errors';
import type { Step } from '../../../lib/kernel/contract';
import { traceOf } from '../../../lib/plugin/trace';

const steps: Step[] = [{ op: 'link.set', ns: 'pod', name: 'lo', up: true }];
const applied = { outcomes: [{ did: 'changed', us: 500 } as const], faults: [] };
const env = { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'c1', CNI_IFNAME: 'eth0' };
const time = '1970-01-01T00:00:00.';

describe('the trace of a request', () => {
  let folder: string;
  let file: string;
  let warnings: string[];
  let told: string[];
  let now: number;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'trestle-trace-'));
    file = join(folder, 'trace');
    [warnings, told, now] = [[], [], 0];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const open = (config: unknown, { listening = false, began = {} } = {}) => {
    const stdin = typeof config === 'string' ? config : JSON.stringify(config);
    return traceOf(
      { type: 'bridge', env: { ...env, ...began }, stdin: Buffer.from(stdin) },
      {
        warn: (message) => void warnings.push(message),
        now: () => now,
        ...(listening && { trace: (line: string) => void told.push(line) }),
      },
    );
  };
  const text = () => readFileSync(file, 'utf8');

  it('goes to the file, each line with the time and whose it is, and ends with the time of the whole', () => {
    const trace = open({});
    trace.begin({ Trestle: { TRACE: file } });
    trace.steps(steps, applied);
    now = 12;
    trace.end();
    expect(text()).to.equal(
      [
        `${time}000Z ADD bridge c1 eth0  pod   set link lo up on  changed  0.50 ms\n`,
        `${time}012Z ADD bridge c1 eth0  end   ADD  done  12.00 ms\n`,
      ].join(''),
    );
  });

  it('goes to the listener, and to both', () => {
    const trace = open({}, { listening: true });
    trace.begin({ trestle: { trace: file } });
    trace.exec('DEL')('/opt/cni/bin/dhcp', 'exit status 0');
    trace.end();
    expect(told).to.have.length(2);
    expect(told[0]).to.match(/^ADD bridge eth0 {2}exec {2}\/opt\/cni\/bin\/dhcp DEL {2}exit status 0 {2}\d+\.\d\d ms$/);
    expect(told[1]).to.equal('ADD bridge eth0  end   ADD  done  0.00 ms');
    expect(
      text()
        .split('\n')
        .map((line) => line.slice(line.indexOf('Z') + 1)),
    ).to.deep.equal([...told.map((line) => ` ${line.replace('bridge', 'bridge c1')}`), '']);
  });

  it("tells an IPAM plugin's addresses, and hands on its answer and its error", async () => {
    const trace = open({}, { listening: true });
    trace.begin({});
    const result = { ips: [{ address: '10.1.2.3/24' }] };
    expect(await trace.ipam('static', 'ADD', async () => result)).to.equal(result);
    await trace.ipam('host-local', 'DEL', async (released) => {
      released('10.1.2.3');
      return undefined;
    });
    const error = new CniError(11, 'full');
    const failed = await trace.ipam('dhcp', 'ADD', () => Promise.reject(error)).catch((caught) => caught);
    expect(failed).to.equal(error);
    expect(told.map((line) => line.split('  ').slice(1, -1))).to.deep.equal([
      ['ipam', 'static ADD: 10.1.2.3/24', 'got'],
      ['ipam', 'host-local DEL: 10.1.2.3', 'released'],
      ['ipam', 'dhcp ADD', 'FAILED code 11: full'],
    ]);
  });

  it('tells of a request that failed before it was understood, in the file that its configuration names', () => {
    open({ trestle: { trace: file } }, { began: { CNI_IFNAME: 'a\nb' } }).end(new CniError(4, 'no such interface'));
    expect(text()).to.equal(`${time}000Z ADD bridge c1 a b  end   ADD  FAILED code 4: no such interface  0.00 ms\n`);
    open('{').end(new CniError(6, 'not decodable'));
    expect(warnings).to.deep.equal([]);
  });

  it('is silent where nobody wants it', () => {
    const trace = open({ trestle: { trace: file } });
    trace.begin({});
    trace.steps(steps, applied);
    trace.end();
    trace.end(new Error('x'));
    expect([existsSync(file), told, warnings]).to.deep.equal([false, [], []]);
  });

  for (const [settings, complaint] of [
    [5, '"trestle": expected an object, found 5'],
    [['a'], '"trestle": expected an object, found a list'],
    [{ trace: true }, '"trestle.trace": expected an absolute path, found true'],
    [{ trace: '' }, '"trestle.trace": expected an absolute path, found "" (string)'],
    [{ trace: 'relative' }, '"trestle.trace": expected an absolute path, found "relative" (string)'],
    [{ trace: {} }, '"trestle.trace": expected an absolute path, found an object'],
  ] as const) {
    it(`warns once, and does no more, about ${JSON.stringify(settings)}`, () => {
      const trace = open({});
      trace.begin({ trestle: settings });
      trace.steps(steps, applied);
      trace.end();
      expect(warnings).to.deep.equal([`no trace: ${complaint}`]);
    });
  }

  it('warns once about a file that cannot be written, and still tells the listener', () => {
    mkdirSync(file);
    writeFileSync(join(folder, 'file'), '');
    for (const path of [file, join(folder, 'missing/trace'), join(folder, 'file/trace')]) {
      [warnings, told] = [[], []];
      const trace = open({}, { listening: true });
      trace.begin({ trestle: { trace: path } });
      trace.steps(steps, applied);
      trace.end();
      expect(warnings, path).to.have.length(1);
      expect(warnings[0]).to.match(new RegExp(`^trace ${path}: E\\w+`));
      expect(told).to.have.length(2);
    }
  });
});
