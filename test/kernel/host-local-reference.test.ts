import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { referencePlugins } from '../support/plugins';
import { run } from '../support/run';
import { lockingHost } from '../unit/ipam/locking-host';
import { type Bench, type Call, filesIn, newBench } from '../unit/ipam/support';

const reference = join(referencePlugins, 'host-local');

interface Answer {
  addresses: string[];
  /** "" for success. */
  error: string;
}

/** host-local as one of the two implementations gives it. */
type Implementation = (command: 'ADD' | 'DEL' | 'CHECK', call: Call) => Promise<Answer>;

const addressesIn = (ips: { address: string }[] = []): string[] =>
  ips.map(({ address }) => address.replace(/\/.*/, ''));

function oursOn(bench: Bench): Implementation {
  return async (command, call) => {
    try {
      const result = command === 'ADD' ? await bench.add(call) : undefined;
      if (command === 'DEL') await bench.del(call);
      if (command === 'CHECK') await bench.check(call);
      return { addresses: addressesIn(result?.ips), error: '' };
    } catch (error) {
      return { addresses: [], error: (error as Error).message };
    }
  };
}

function theirsOn(bench: Bench): Implementation {
  return async (command, { id = 'c1', ifname = 'eth0', args = '', config }) => {
    const ran = await run(reference, [], {
      input: JSON.stringify({ ...bench.config, cniVersion: '1.0.0', ...config }),
      env: {
        CNI_COMMAND: command,
        CNI_CONTAINERID: id,
        CNI_IFNAME: ifname,
        CNI_NETNS: '/proc/self/ns/net',
        CNI_PATH: referencePlugins,
        CNI_ARGS: args,
      },
    });
    const answer = ran.stdout === '' ? {} : JSON.parse(ran.stdout);
    return ran.code === 0 ? { addresses: addressesIn(answer.ips), error: '' } : { addresses: [], error: answer.msg };
  };
}

describe('host-local beside the reference', () => {
  let bench: Bench;
  before(function () {
    // Debian's package containernetworking-plugins is missing.
    if (!existsSync(reference)) this.skip();
  });
  afterEach(() => bench?.remove());

  const ranges = [
    [{ subnet: '10.1.2.0/29' }, { subnet: '10.1.3.0/30' }],
    [{ subnet: 'fd00:0:0:1::/64', rangeStart: 'fd00:0:0:1::ff' }],
  ];

  it('writes the same files, byte for byte, and gives the same answers and errors', async () => {
    const story: ['ADD' | 'DEL' | 'CHECK', Call][] = [
      ['CHECK', {}],
      ['ADD', {}],
      ['CHECK', {}],
      ['ADD', {}],
      ['ADD', { ifname: 'net1' }],
      ['DEL', { id: 'c9' }],
      ['ADD', { id: 'c2', args: 'IP=10.1.2.6' }],
      ['ADD', { id: 'c3', args: 'IP=10.1.2.6' }],
      ['ADD', { id: 'c3', args: 'IP=10.1.2.1' }],
      ['ADD', { id: 'c3', args: 'IP=10.1.9.9' }],
      ['ADD', { id: 'c3', args: 'IP=x' }],
      ['ADD', { id: 'c3', args: 'FOO=1' }],
      ['ADD', { id: 'c3', config: { args: { cni: { ips: ['fd00:0:0:1::1234', '10.1.3.2'] } } } }],
      ['DEL', {}],
      ['CHECK', {}],
      ...['c4', 'c5', 'c6', 'c7', 'c8'].map((id): ['ADD', Call] => ['ADD', { id }]),
    ];
    const told: { answers: Answer[]; files: Record<string, string> }[] = [];
    for (const on of [theirsOn, oursOn]) {
      bench = newBench({ ranges }, lockingHost);
      const answers = [];
      for (const [command, call] of story) answers.push(await on(bench)(command, call));
      told.push({ answers, files: bench.files() });
      bench.remove();
    }
    const [theirs, ours] = told;
    expect(ours?.files).to.deep.equal(theirs?.files);
    story.forEach(([command, call], i) => {
      const what = `${i}: ${command} ${JSON.stringify(call)}`;
      expect(ours?.answers[i]?.addresses, what).to.deep.equal(theirs?.answers[i]?.addresses);
      // How Go says that an address cannot be parsed is its own affair.
      if (call.args !== 'IP=x') expect(ours?.answers[i]?.error, what).to.equal(theirs?.answers[i]?.error);
      else expect(ours?.answers[i]?.error, what).to.match(/^ARGS: error parsing value of pair "IP=x"/);
    });
  });

  for (const [giver, taker, adds, removes] of [
    ['the reference', 'ours', theirsOn, oursOn],
    ['ours', 'the reference', oursOn, theirsOn],
  ] as const) {
    it(`leaves nothing of what ${giver} leased and ${taker} released`, async () => {
      bench = newBench({ ranges }, lockingHost);
      for (const call of [{}, { ifname: 'net1' }, { id: 'c2' }]) {
        expect((await adds(bench)('ADD', call)).error).to.equal('');
        expect((await removes(bench)('CHECK', call)).error).to.equal('');
      }
      expect((await removes(bench)('ADD', {})).error).to.contain('has been allocated to c1, duplicate');
      for (const call of [{}, { ifname: 'net1' }, { id: 'c2' }]) {
        expect((await removes(bench)('DEL', call)).error).to.equal('');
      }
      expect(Object.keys(bench.files())).to.deep.equal(['last_reserved_ip.0', 'last_reserved_ip.1']);
      expect(readdirSync(bench.dataDir)).to.deep.equal(['net']);
    });
  }

  interface Operation {
    do: 'ADD' | 'DEL' | 'rm';
    by: 'ours' | 'reference';
    id: string;
    ifname: string;
    /** Which of the leases `rm` takes. */
    which: number;
  }

  const operation: fc.Arbitrary<Operation> = fc.record({
    do: fc.constantFrom('ADD', 'ADD', 'ADD', 'DEL', 'DEL', 'rm'),
    by: fc.constantFrom('ours', 'ours', 'reference'),
    id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    ifname: fc.constantFrom('eth0', 'net1'),
    which: fc.nat(12),
  });

  /** What must be on disk: addresses and their holders. */
  function leasesOn(place: Bench): Record<string, string> {
    return Object.fromEntries(Object.entries(filesIn(place.folder)).filter(([name]) => !name.startsWith('last')));
  }

  async function perform(
    place: Bench,
    model: Map<string, string>,
    { do: what, by, id, ifname, which }: Operation,
  ): Promise<void> {
    const holder = `${id}\r\n${ifname}`;
    if (what === 'rm') {
      const [address] = [...model.keys()].slice(which % Math.max(model.size, 1));
      if (address === undefined) return;
      rmSync(join(place.folder, address));
      model.delete(address);
      return;
    }
    const { addresses, error } = await (by === 'ours' ? oursOn : theirsOn)(place)(what, { id, ifname });
    if (what === 'DEL') {
      expect(error).to.equal('');
      for (const [address, who] of model) if (who === holder) model.delete(address);
      return;
    }
    const mayAdd = ![...model.values()].includes(holder) && model.size < 5;
    expect(error === '', `ADD: ${error || 'success'}`).to.equal(mayAdd);
    for (const address of addresses) {
      expect(model.has(address), `${address} has a holder`).to.equal(false);
      model.set(address, holder);
    }
  }

  it('never gives an address to two holders and leaks none, however they and rm take turns', async () => {
    const runs = fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 40 }), async (operations) => {
      const place = newBench({ subnet: '10.1.2.0/29' }, lockingHost);
      const model = new Map<string, string>();
      try {
        for (const each of operations) {
          await perform(place, model, each);
          expect(leasesOn(place)).to.deep.equal(Object.fromEntries([...model].sort()));
        }
      } finally {
        place.remove();
      }
    });
    await fc.assert(runs, { numRuns: 40 });
  });

  it('never gives an address to two holders when both work at once', async () => {
    bench = newBench({ subnet: '10.1.2.0/26' }, lockingHost);
    const both = [oursOn(bench), theirsOn(bench)] as const;
    const ids = Array.from({ length: 40 }, (_, i) => `c${i}`);
    const at = (i: number): Implementation => both[i % 2 === 0 ? 0 : 1];
    const added = await Promise.all(ids.map((id, i) => at(i)('ADD', { id })));
    expect(added.map(({ error }) => error).join('')).to.equal('');
    expect(new Set(added.flatMap(({ addresses }) => addresses)).size).to.equal(40);
    const deleted = await Promise.all(ids.map((id, i) => at(i + 1)('DEL', { id })));
    expect(deleted.map(({ error }) => error).join('')).to.equal('');
    expect(leasesOn(bench)).to.deep.equal({});
  });
});
