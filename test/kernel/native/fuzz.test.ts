import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Applied, Query, Step } from '../../../lib/kernel/contract';
import { KernelError } from '../../../lib/kernel/errors';
import { native } from '../../../lib/kernel/native';
import { lock, program, queries, steps, type Unchecked, watch } from '../../fuzz/contract';
import { type Fields, type Spot, spotsOf, validObject } from '../../fuzz/kinds';
import { giants, strangers } from '../../fuzz/strangers';
import { output } from '../../support/run';
import { bridge, useNamespaces } from './support';

/** Cases of each property: FUZZ_RUNS for more, where the addon is one with sanitizers. */
const numRuns = Number(process.env.FUZZ_RUNS ?? 100);

const unchecked = () => native() as unknown as Unchecked;
/** Should something be taken after all, there must be no namespace in which it is done. */
const nowhere = { host: '/run/nosuch', pod: '/run/nosuch' };

/** One object of a table, with the name of its fields: fast-check prints no more of them. */
interface Sample {
  kind: string;
  value: Record<string, unknown>;
}

const oneOf = (table: Record<string, Fields>, tag: string): fc.Arbitrary<Sample> =>
  fc
    .constantFrom(...Object.keys(table))
    .chain((kind) => validObject(table[kind] as Fields).map((rest) => ({ kind, value: { [tag]: kind, ...rest } })));

const fieldsOf = ({ kind }: Sample): Fields => ({ ...steps, ...queries })[kind as Step['op'] | Query['query']];

/** A copy to spoil: fast-check may come back to the original. */
const copyOf = ({ value }: Sample): Sample['value'] => structuredClone(value);

const aStep = oneOf(steps, 'op');
const aQuery = oneOf(queries, 'query');
/** Those that take long to be refused are not tried as often. */
const aStranger = fc.oneof(
  { weight: 25, arbitrary: fc.constantFrom(...Object.keys(strangers)) },
  { weight: 1, arbitrary: fc.constantFrom(...Object.keys(giants)) },
);
const strange = (name: string): unknown => ({ ...strangers, ...giants })[name]?.();

/** What arrives of a value that goes as JSON text: undefined where nothing does, or what it lies in has no text. */
function told(value: unknown): unknown {
  try {
    const text = JSON.stringify(value);
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function faultOf(call: Promise<unknown>): Promise<KernelError> {
  const fault = await call.then(
    (answer) => expect.fail(`no fault, but ${JSON.stringify(answer)}`),
    (error) => error,
  );
  expect(fault).to.be.instanceOf(KernelError);
  return fault;
}

/** The fault names the field, or says that what is there cannot even be copied. */
async function refuses(call: Promise<unknown>, path: string): Promise<void> {
  const { fault } = await faultOf(call);
  expect(fault).to.include({ op: 'read the arguments', errno: '', code: 0, extack: '' });
  const whole = ['the arguments cannot be copied: ', 'the call is no JSON text: '];
  const named = [path, ...whole].some((start) => fault.message.startsWith(start));
  expect(named, `"${fault.message.slice(0, 300)}" names ${path}`).to.equal(true);
}

describe('the boundary of the addon, with anything for an argument', () => {
  let open: number;
  let threads: number;
  const count = (what: 'fd' | 'task') => readdirSync(`/proc/self/${what}`).length;

  /** What they are, for a person who looks for the one too many. */
  const openFiles = (): string[] =>
    readdirSync('/proc/self/fd').map((fd) => {
      const path = `/proc/self/fd/${fd}`;
      return existsSync(path) ? `${fd} ${readlinkSync(path)}` : fd;
    });

  before(async () => {
    // Node opens files for the first program that is run, and keeps them.
    await output('true', []);
    // And the addon keeps some of the threads that a crowd needs.
    const crowd = Array.from({ length: 10 }, () => native().observe({}, [{ query: 'netns', ns: 'host' }]));
    await Promise.all(crowd);
  });
  beforeEach(() => {
    open = count('fd');
    threads = count('task');
  });
  afterEach('no descriptor and no thread is left', async () => {
    const ends = Date.now() + 5_000;
    while ((count('task') > threads || count('fd') > open) && Date.now() < ends) await sleep(10);
    expect(count('fd'), openFiles().join('\n')).to.be.at.most(open);
    expect(count('task'), 'threads').to.be.at.most(threads);
  });

  /** Replaces one field of a right object by what does not belong there; an optional field may be nothing at all. */
  function spoilt(spots: Spot[], at: number, stranger: string, arriving = (value: unknown) => value): Spot | undefined {
    const spot = spots[at % spots.length] as Spot;
    const value = strange(stranger);
    const arrived = arriving(strange(stranger)) ?? null;
    if (arrived === null ? spot.kind.optional : spot.kind.takes(arrived)) return undefined;
    spot.put(value);
    return spot;
  }

  const calls = [
    ['apply', aStep, (value: unknown) => unchecked().apply(nowhere, [value], 'stop'), 'steps[0]'],
    ['observe', aQuery, (value: unknown) => unchecked().observe(nowhere, [value]), 'queries[0]'],
  ] as const;
  for (const [name, valid, call, path] of calls) {
    it(`${name} names the field that is something else than it should be`, async () => {
      const property = fc.asyncProperty(valid, fc.nat(1000), aStranger, async (sample, at, stranger) => {
        const value = copyOf(sample);
        const spot = spoilt(spotsOf(value, fieldsOf(sample), path), at, stranger, told);
        if (spot) await refuses(call(value), spot.path);
      });
      await fc.assert(property, { numRuns: numRuns * 5 });
    });

    it(`${name} names the field that is missing`, async () => {
      const property = fc.asyncProperty(valid, fc.nat(1000), async (sample, at) => {
        const value = copyOf(sample);
        const required = spotsOf(value, fieldsOf(sample), path).filter(({ kind }) => !kind.optional);
        const spot = required[at % required.length] as Spot;
        spot.remove();
        await refuses(call(value), `${spot.path} is missing`);
      });
      await fc.assert(property, { numRuns });
    });

    it(`${name} names a field that nobody knows`, async () => {
      const names = fc.constantFrom('x', '__proto__', 'constructor', 'toString', 'nss', '0', 'x'.repeat(60), 'ä');
      const property = fc.asyncProperty(valid, names, async (sample, extra) => {
        const value = Object.defineProperty(copyOf(sample), extra, { value: 1, enumerable: true });
        await refuses(call(value), `${path}.${extra}`);
      });
      await fc.assert(property, { numRuns });
    });

    it(`${name} has a fault for arguments of any kind, or nothing to do`, async () => {
      const anything = fc.anything({ withBigInt: true, withSparseArray: true, withNullPrototype: true });
      const argument = fc.oneof(fc.record({ value: anything }), fc.record({ stranger: aStranger }));
      const property = fc.asyncProperty(fc.array(argument, { maxLength: 4 }), async (list) => {
        const args = list.map((it) => ('stranger' in it ? strange(it.stranger) : it.value));
        const answer = await unchecked()
          [name](...args)
          .catch((error) => error);
        if (!(answer instanceof KernelError)) expect(answer).to.be.deep.oneOf([[], { outcomes: [], faults: [] }]);
      });
      await fc.assert(property, { numRuns });
    });
  }

  describe('in namespaces of its own', () => {
    const { where } = { where: useNamespaces() };

    it('does whatever is well-formed, or says what the kernel has against it', async () => {
      const property = fc.asyncProperty(
        fc.array(aStep, { minLength: 1, maxLength: 6 }),
        fc.constantFrom('stop', 'continue'),
        async (list, mode) => {
          const all = [{ ...bridge, name: 'b0', ifExists: 'keep' }, ...list.map(({ value }) => value)];
          const { outcomes, faults } = (await unchecked().apply(where.where, all, mode)) as Applied;
          for (const { op, errno, message } of faults) expect([op, errno || message]).to.not.include('');
          const done = mode === 'continue' ? all.length : (faults[0]?.step ?? all.length);
          expect(outcomes).to.have.length(done);
        },
      );
      await fc.assert(property, { numRuns });
    });

    it('answers whatever is well-formed', async () => {
      const property = fc.asyncProperty(fc.array(aQuery, { maxLength: 6 }), async (list) => {
        const asked = list.map(({ value }) => value);
        // A trial of what the kernel would refuse is a fault, too.
        const answers = await unchecked()
          .observe(where.where, asked)
          .catch((error) => error);
        if (answers instanceof KernelError) expect(answers.errno).not.to.equal('');
        else expect(answers).to.have.length(list.length);
      });
      await fc.assert(property, { numRuns });
    });
  });

  describe('with locks', () => {
    const folder = mkdtempSync(join(tmpdir(), 'trestle-fuzz-'));
    after(() => rmSync(folder, { recursive: true }));
    const fields = lock(join(folder, 'lock'));

    it('names the field of a request that is something else than it should be', async () => {
      const property = fc.asyncProperty(validObject(fields), fc.nat(1000), aStranger, async (value, at, stranger) => {
        const spot = spoilt(spotsOf(value, fields, 'request'), at, stranger);
        if (
          spot?.path === 'request.path' &&
          typeof value.path === 'string' &&
          value.path !== '' &&
          !value.path.includes('\0')
        )
          return;
        if (spot) await refuses(unchecked().lock(value), spot.path);
      });
      await fc.assert(property, { numRuns });
    });

    it('gives each lock a descriptor of its own, and lets go of nothing that it has not given', async () => {
      const property = fc.asyncProperty(fc.array(validObject(fields), { maxLength: 4 }), async (requests) => {
        const held: number[] = [];
        for (const request of requests) held.push((await unchecked().lock(request)) as number);
        const others = [
          -1,
          0,
          1,
          2,
          1.5,
          Number.NaN,
          2 ** 31,
          2 ** 53,
          undefined,
          null,
          '3',
          {},
          1n,
          Symbol('x'),
          ...held.map((it) => it + 1000),
        ];
        for (const other of others)
          expect(() => unchecked().unlock(other), String(other)).to.throw('this is no lock that is held');
        for (const it of held.filter((one) => one !== null)) await unchecked().unlock(it);
        for (const it of held.filter((one) => one !== null))
          expect(() => unchecked().unlock(it)).to.throw('no lock that is held');
      });
      await fc.assert(property, { numRuns: Math.ceil(numRuns / 5) });
    });
  });

  describe('with programs and namespaces', () => {
    it('names the field of a program that is something else than it should be', async () => {
      const property = fc.asyncProperty(validObject(program), fc.nat(1000), aStranger, async (value, at, stranger) => {
        const spot = spoilt(spotsOf(value, program, 'program'), at, stranger);
        const { fault } = await faultOf(unchecked().spawn(value));
        // Any text may be a path.
        if (fault.op === 'read the arguments')
          expect(fault.message).to.match(/^program\.|^the arguments cannot be copied/);
        else expect([spot?.path, fault.op]).to.include.oneOf([undefined, 'program.netns']);
      });
      await fc.assert(property, { numRuns });
    });

    it('makes and removes nothing, waits for nothing and signals nobody, whatever it is given', async () => {
      const property = fc.asyncProperty(aStranger, async (stranger) => {
        for (const name of ['makeNetns', 'removeNetns', 'wait'] as const) {
          const { fault } = await faultOf(unchecked()[name](strange(stranger)));
          expect(fault.op).to.equal('read the arguments');
        }
        expect(unchecked().signal(strange(stranger), 9)).to.equal(false);
        expect(unchecked().signal(process.pid, strange(stranger))).to.equal(false);
      });
      await fc.assert(property, { numRuns });
    });
  });

  it('watches nothing that it cannot name, and says which field it is', async () => {
    const property = fc.asyncProperty(validObject(watch), fc.nat(1000), aStranger, async (value, at, stranger) => {
      const spot = spoilt(spotsOf(value, watch, 'what'), at, stranger);
      if (spot) await refuses(unchecked().watch(value), spot.path);
    });
    await fc.assert(property, { numRuns });
  });

  it('may be called again by what it is reading', async () => {
    const nested: Promise<KernelError>[] = [];
    const query = {
      get query(): Query['query'] {
        nested.push(faultOf(unchecked().observe(nowhere, [{ query: 'links', ns: 'host' }])));
        return 'links';
      },
      ns: 'host',
    };
    expect((await faultOf(unchecked().observe(nowhere, [query]))).fault.op).to.equal(
      'open network namespace /run/nosuch',
    );
    expect((await nested[0])?.errno).to.equal('ENOENT');
  });

  it('has a line here for every step and query of its contract', () => {
    const known: Record<Step['op'] | Query['query'], Fields> = { ...steps, ...queries };
    expect(Object.keys(known)).to.have.length(28);
  });
});
