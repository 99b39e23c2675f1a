import { expect } from 'chai';
import { parseAddress, parseCidr } from '../../../../lib/cni/addresses';
import { allocate, assign, isExhausted } from '../../../../lib/ipam/host-local/allocate';
import type { LeaseBook } from '../../../../lib/ipam/host-local/lease-book';
import { completeSets, type RangeSet } from '../../../../lib/ipam/host-local/ranges';
import type { Holder } from '../../../../lib/ipam/host-local/store';

const pod: Holder = { containerId: 'ID', ifname: 'eth0' };
const other: Holder = { containerId: 'id', ifname: 'eth0' };

function setsOf(...sets: string[][]): RangeSet[] {
  return completeSets(
    sets.map((subnets) =>
      subnets.map((text) => {
        const subnet = parseCidr(text);
        if (!subnet) throw new Error(text);
        return { subnet };
      }),
    ),
  );
}

interface FakeLease {
  holder: Holder;
  /** Written before this boot; `gone`: and this boot knows nothing of its holder. */
  old?: boolean;
  gone?: boolean;
}

interface FakeBook extends LeaseBook {
  leases: Map<string, FakeLease>;
  lasts: string[];
  tries: number;
  listings: number;
}

/** Leases in memory, which count what is asked of them. */
function fakeBook(leases: Record<string, FakeLease> = {}, lasts: string[] = []): FakeBook {
  const map = new Map(Object.entries(leases));
  const book: FakeBook = {
    leases: map,
    lasts,
    tries: 0,
    listings: 0,
    heldBy: (who) =>
      [...map].filter(([, { holder }]) => JSON.stringify(holder) === JSON.stringify(who)).map(([address]) => address),
    all: () => [],
    reserve(address, holder, set) {
      book.tries += 1;
      if (map.has(address)) return false;
      map.set(address, { holder });
      lasts[set] = address;
      return true;
    },
    release: (address) => void map.delete(address),
    taken() {
      book.listings += 1;
      return new Set(map.keys());
    },
    lastReserved: (set) => lasts[set] ?? '',
    isOfEarlierBoot: (address) => map.get(address)?.old ?? false,
    isLaterThan: () => false,
    abandonedBy: async (address) => (map.get(address)?.gone ? map.get(address)?.holder : undefined),
  };
  return book;
}

async function get(book: LeaseBook, sets: RangeSet[], requested: string[] = [], holder = pod): Promise<string[]> {
  const addresses = requested.flatMap((text) => parseAddress(text) ?? []);
  return (await allocate(book, { sets, requested: addresses, holder })).map(({ address }) => address);
}

async function refusal(work: Promise<unknown>): Promise<string> {
  return work.then(
    (value) => `succeeded: ${JSON.stringify(value)}`,
    (error: Error) => error.message,
  );
}

function leased(...addresses: string[]): Record<string, FakeLease> {
  return Object.fromEntries(addresses.map((address) => [address, { holder: other }]));
}

describe('allocation by host-local', () => {
  const cases: { subnets: string[]; taken?: string[]; last?: string; expected: string }[] = [
    { subnets: ['10.0.0.0/29'], expected: '10.0.0.2/29' },
    { subnets: ['2001:db8:1::0/64'], expected: '2001:db8:1::2/64' },
    { subnets: ['10.0.0.0/30'], expected: '10.0.0.2/30' },
    { subnets: ['10.0.0.0/29'], taken: ['10.0.0.2'], expected: '10.0.0.3/29' },
    { subnets: ['10.0.0.0/29'], last: '10.0.0.5', expected: '10.0.0.6/29' },
    { subnets: ['10.0.0.0/29'], taken: ['10.0.0.4', '10.0.0.5'], last: '10.0.0.3', expected: '10.0.0.6/29' },
    { subnets: ['10.0.0.0/29'], taken: ['10.0.0.6'], last: '10.0.0.5', expected: '10.0.0.2/29' },
    { subnets: ['10.0.0.0/29'], taken: ['10.0.0.2'], last: '10.0.0.128', expected: '10.0.0.3/29' },
    {
      subnets: ['10.0.0.0/29'],
      taken: ['10.0.0.2', '10.0.0.4', '10.0.0.5', '10.0.0.6'],
      last: '10.0.0.3',
      expected: '10.0.0.3/29',
    },
    { subnets: ['10.0.0.0/30', '10.0.1.0/30'], expected: '10.0.0.2/30' },
    { subnets: ['10.0.0.0/30', '10.0.1.0/30'], last: '10.0.0.2', expected: '10.0.1.2/30' },
    { subnets: ['10.0.0.0/30', '10.0.1.0/30', '10.0.2.0/30'], last: '10.0.2.2', expected: '10.0.0.2/30' },
  ];
  for (const { subnets, taken = [], last = '', expected } of cases) {
    it(`gives ${expected} of ${subnets} after ${last || 'nothing'} with ${taken.join(' ') || 'nothing'} taken`, async () => {
      expect(await get(fakeBook(leased(...taken), [last]), setsOf(subnets))).to.deep.equal([expected]);
    });
  }

  it('gives an address of each range set, in their order, with the gateway of its range', async () => {
    const sets = setsOf(['10.0.0.0/24'], ['fd00::/64'], ['10.1.0.0/24']);
    expect(await allocate(fakeBook(), { sets, requested: [], holder: pod })).to.deep.equal([
      { address: '10.0.0.2/24', gateway: '10.0.0.1' },
      { address: 'fd00::2/64', gateway: 'fd00::1' },
      { address: '10.1.0.2/24', gateway: '10.1.0.1' },
    ]);
  });

  it('gives every address but gateway and broadcast, and then says that the pool is exhausted', async () => {
    const book = fakeBook();
    const sets = setsOf(['192.168.1.0/29']);
    for (const n of [2, 3, 4, 5, 6]) {
      expect(await get(book, sets, [], { containerId: `ID${n}`, ifname: 'eth0' })).to.deep.equal([`192.168.1.${n}/29`]);
    }
    expect(await refusal(get(book, sets))).to.equal(
      'failed to allocate for range 0: no IP addresses available in range set: 192.168.1.1-192.168.1.6',
    );
  });

  it('refuses a second address of a range set to the same interface', async () => {
    const book = fakeBook({ '10.0.0.7': { holder: pod } });
    expect(await refusal(get(book, setsOf(['10.1.0.0/24'], ['10.0.0.0/24'])))).to.equal(
      'failed to allocate for range 1: 10.0.0.7 has been allocated to ID, duplicate allocation is not allowed',
    );
    expect([...book.leases.keys()], 'what it had allocated').to.deep.equal(['10.0.0.7']);
  });

  it('refuses it too when an old release noted the container alone', async () => {
    const book = fakeBook({ '10.0.0.7': { holder: { containerId: 'ID', ifname: '' } } });
    expect(await refusal(get(book, setsOf(['10.0.0.0/24'])))).to.contain('10.0.0.7 has been allocated to ID');
  });

  it('gives another interface of the same container an address of its own', async () => {
    const book = fakeBook({ '10.0.0.2': { holder: { containerId: 'ID', ifname: 'net1' } } });
    expect(await get(book, setsOf(['10.0.0.0/24']))).to.deep.equal(['10.0.0.3/24']);
  });

  it('releases what it has leased when a later range set has nothing', async () => {
    const book = fakeBook(leased('10.1.0.2'));
    expect(await refusal(get(book, setsOf(['10.0.0.0/24'], ['10.1.0.0/30'])))).to.equal(
      'failed to allocate for range 1: no IP addresses available in range set: 10.1.0.1-10.1.0.2',
    );
    expect([...book.leases.keys()]).to.deep.equal(['10.1.0.2']);
  });

  it('looks at the folder once instead of trying thousands of leased addresses', async () => {
    const many = Array.from({ length: 2000 }, (_, i) => `10.0.${(i + 2) >> 8}.${(i + 2) & 255}`);
    const book = fakeBook(leased(...many));
    expect(await get(book, setsOf(['10.0.0.0/16']))).to.deep.equal(['10.0.7.210/16']);
    expect(book.listings).to.equal(1);
    expect(book.tries).to.be.below(40);
  });
});

describe('a request for an address', () => {
  it('is met, and the rest of the range sets gives what is next', async () => {
    expect(await get(fakeBook(), setsOf(['10.0.0.0/24'], ['fd00::/64']), ['fd00::77'])).to.deep.equal([
      '10.0.0.2/24',
      'fd00::77/64',
    ]);
  });

  it('is refused when the address is leased, is the gateway, or is of no range', async () => {
    const sets = setsOf(['192.168.1.0/29']);
    const book = fakeBook(leased('192.168.1.5'));
    expect(await refusal(get(book, sets, ['192.168.1.5']))).to.equal(
      'failed to allocate for range 0: requested IP address 192.168.1.5 is not available in range set 192.168.1.1-192.168.1.6',
    );
    expect(await refusal(get(book, sets, ['192.168.1.1']))).to.equal(
      "failed to allocate for range 0: requested ip 192.168.1.1 is subnet's gateway",
    );
    expect(await refusal(get(book, sets, ['10.1.2.77', '192.168.1.3', '10.1.2.78']))).to.equal(
      'failed to allocate all requested IPs: 10.1.2.77 10.1.2.78',
    );
    expect([...book.leases.keys()]).to.deep.equal(['192.168.1.5']);
  });

  it('takes one address of a range set at most', () => {
    const [a, b] = [parseAddress('10.0.0.5'), parseAddress('10.0.0.6')];
    expect(() => assign(setsOf(['10.0.0.0/24']), a && b ? [a, b] : [])).to.throw(
      'failed to allocate all requested IPs: 10.0.0.6',
    );
  });

  it('may have an address that an attachment of an earlier boot left', async () => {
    const book = fakeBook({ '10.0.0.9': { holder: other, old: true, gone: true } });
    expect(await get(book, setsOf(['10.0.0.0/24']), ['10.0.0.9'])).to.deep.equal(['10.0.0.9/24']);
    expect(book.leases.get('10.0.0.9')?.holder).to.deep.equal(pod);
  });
});

describe('a lease of an earlier boot', () => {
  it('is given again to the same container', async () => {
    const book = fakeBook({ '10.0.0.9': { holder: pod, old: true, gone: false } }, ['10.0.0.20']);
    expect(await get(book, setsOf(['10.0.0.0/24']))).to.deep.equal(['10.0.0.9/24']);
  });

  it('of the same container becomes one of its interface, if it was of the container alone', async () => {
    const book = fakeBook({ '10.0.0.9': { holder: { containerId: 'ID', ifname: '' }, old: true } });
    expect(await get(book, setsOf(['10.0.0.0/24']))).to.deep.equal(['10.0.0.9/24']);
    expect(book.leases.get('10.0.0.9')?.holder).to.deep.equal(pod);
  });

  it('is left alone while the pool has a free address', async () => {
    const book = fakeBook({ '10.0.0.2': { holder: other, old: true, gone: true } });
    expect(await get(book, setsOf(['10.0.0.0/24']))).to.deep.equal(['10.0.0.3/24']);
    expect(book.leases.get('10.0.0.2')?.holder).to.deep.equal(other);
  });

  it('is given to another container when the pool would be exhausted otherwise', async () => {
    const book = fakeBook({
      ...leased('10.0.0.2'),
      '10.0.0.3': { holder: other, old: true, gone: true },
      ...leased('10.0.0.4', '10.0.0.5', '10.0.0.6'),
    });
    const sets = setsOf(['10.0.0.0/29']);
    expect(await isExhausted(book, sets[0] ?? [])).to.equal(false);
    expect(await get(book, sets)).to.deep.equal(['10.0.0.3/29']);
    expect(await isExhausted(book, sets[0] ?? [])).to.equal(true);
  });

  it('is kept when its holder is attached in this boot', async () => {
    const book = fakeBook({ '10.0.0.2': { holder: other, old: true, gone: false } });
    expect(await refusal(get(book, setsOf(['10.0.0.0/30'])))).to.contain('no IP addresses available');
  });
});
