import { expect } from 'chai';
import { type Address, formatAddress, formatCidr, parseAddress, parseCidr } from '../../../../lib/cni/addresses';
import {
  candidates,
  completeRange,
  completeSets,
  formatSet,
  inRange,
  type RangeSpec,
  rangeFor,
  setsOverlap,
} from '../../../../lib/ipam/host-local/ranges';

function ip(text: string): Address {
  const address = parseAddress(text);
  if (!address) throw new Error(`${text} is no address`);
  return address;
}

function spec(
  subnet: string,
  { start, end, gateway }: { start?: string; end?: string; gateway?: string } = {},
): RangeSpec {
  const parsed = parseCidr(subnet);
  if (!parsed) throw new Error(`${subnet} is no subnet`);
  return {
    subnet: parsed,
    rangeStart: start === undefined ? undefined : ip(start),
    rangeEnd: end === undefined ? undefined : ip(end),
    gateway: gateway === undefined ? undefined : ip(gateway),
  };
}

function completed(...args: Parameters<typeof spec>): Record<string, string> {
  const { subnet, start, end, gateway } = completeRange(spec(...args));
  return {
    subnet: formatCidr(subnet),
    start: formatAddress(start),
    end: formatAddress(end),
    gateway: formatAddress(gateway),
  };
}

function set(...subnets: string[]) {
  const [only] = completeSets([subnets.map((subnet) => spec(subnet))]);
  if (!only) throw new Error('no set');
  return only;
}

function order(subnets: string[], last?: string): string[] {
  return [...candidates(set(...subnets), last === undefined ? undefined : ip(last))].map(({ address }) =>
    formatAddress(address),
  );
}

describe('a range of host-local', () => {
  it('goes from the first address to the one before the broadcast address unless it is told otherwise', () => {
    expect(completed('192.0.2.0/24')).to.deep.equal({
      subnet: '192.0.2.0/24',
      start: '192.0.2.1',
      end: '192.0.2.254',
      gateway: '192.0.2.1',
    });
    expect(completed('192.0.2.0/25').end).to.equal('192.0.2.126');
  });

  it('goes to the very last address in IPv6, which has no broadcast', () => {
    expect(completed('2001:DB8:1::/64')).to.deep.equal({
      subnet: '2001:db8:1::/64',
      start: '2001:db8:1::1',
      end: '2001:db8:1:0:ffff:ffff:ffff:ffff',
      gateway: '2001:db8:1::1',
    });
  });

  it('keeps the start, the end and the gateway that it is given', () => {
    expect(completed('192.0.2.0/24', { start: '192.0.2.40', end: '192.0.2.50', gateway: '192.0.2.254' })).to.deep.equal(
      {
        subnet: '192.0.2.0/24',
        start: '192.0.2.40',
        end: '192.0.2.50',
        gateway: '192.0.2.254',
      },
    );
  });

  it('may have a gateway outside of its subnet', () => {
    expect(completed('2001:db8:5:333::/64', { gateway: 'fe80::1' }).gateway).to.equal('fe80::1');
  });

  const faults: [string, Parameters<typeof spec>, string][] = [
    [
      'a subnet with host bits',
      ['192.0.2.12/24'],
      'Network has host bits set. For a subnet mask of length 24 the network address is 192.0.2.0',
    ],
    [
      'an IPv6 subnet with host bits',
      ['2001:DB8:24:19ff::/63'],
      'Network has host bits set. For a subnet mask of length 63 the network address is 2001:db8:24:19fe::',
    ],
    ['a /31', ['192.0.2.0/31'], 'Network 192.0.2.0/31 too small to allocate from'],
    ['a /127', ['2001:db8::/127'], 'Network 2001:db8::/127 too small to allocate from'],
    ['a start outside', ['192.0.2.0/24', { start: '192.0.3.0' }], 'RangeStart 192.0.3.0 not in network 192.0.2.0/24'],
    ['a start of the other family', ['192.0.2.0/24', { start: '::1' }], 'RangeStart ::1 not in network 192.0.2.0/24'],
    ['an end outside', ['192.0.2.0/24', { end: '192.0.4.0' }], 'RangeEnd 192.0.4.0 not in network 192.0.2.0/24'],
    [
      'an end before the first address',
      ['192.0.2.0/24', { end: '192.0.2.0' }],
      'RangeEnd 192.0.2.0 not in network 192.0.2.0/24',
    ],
    [
      'a start after the end',
      ['192.0.2.0/24', { start: '192.0.2.50', end: '192.0.2.40' }],
      'RangeStart 192.0.2.50 not in network 192.0.2.0/24',
    ],
    [
      'the broadcast address as start',
      ['192.0.2.0/24', { start: '192.0.2.255' }],
      'RangeStart 192.0.2.255 not in network 192.0.2.0/24',
    ],
  ];
  for (const [what, args, message] of faults) {
    it(`refuses ${what}`, () => {
      expect(() => completed(...args))
        .to.throw(message)
        .with.property('code', 7);
    });
  }

  it('contains the addresses from its start to its end and no other', () => {
    const range = completeRange(spec('192.0.2.0/24', { start: '192.0.2.40', end: '192.0.2.50' }));
    const inside = ['192.0.3.0', '192.0.2.39', '192.0.2.40', '192.0.2.50', '192.0.2.51', '::192.0.2.40'];
    expect(inside.map((text) => inRange(range, ip(text)))).to.deep.equal([false, false, true, true, false, false]);
  });
});

describe('range sets of host-local', () => {
  it('know which of their ranges an address is in', () => {
    const both = set('192.168.0.0/24', '172.16.1.0/24');
    expect(rangeFor(both, ip('172.16.1.9'))).to.equal(both[1]);
    expect(rangeFor(both, ip('192.168.99.99'))).to.equal(undefined);
    expect(formatSet(both)).to.equal('192.168.0.1-192.168.0.254,172.16.1.1-172.16.1.254');
  });

  it('are refused when ranges within one overlap', () => {
    expect(() => set('192.168.0.0/20', '192.168.2.0/24')).to.throw(
      'invalid range set 0: subnets 192.168.0.1-192.168.15.254 and 192.168.2.1-192.168.2.254 overlap',
    );
  });

  it('are refused when two of them overlap', () => {
    const sets = [
      [spec('10.1.0.0/24')],
      [spec('10.2.0.0/24', { end: '10.2.0.128' })],
      [spec('10.2.0.0/24', { start: '10.2.0.15' })],
    ];
    expect(() => completeSets(sets)).to.throw('range set 1 overlaps with 2');
  });

  it('are refused when they mix families or hold no range', () => {
    expect(() => completeSets([[spec('10.0.0.0/24')], [spec('10.1.0.0/24'), spec('fd00::/64')]])).to.throw(
      'invalid range set 1: mixed address families',
    );
    expect(() => completeSets([[]])).to.throw('invalid range set 0: empty range set');
  });

  const overlaps: [string, RangeSpec, RangeSpec, boolean][] = [
    ['different subnets', spec('10.0.0.0/24'), spec('10.0.1.0/24'), false],
    ['families whose bits are alike', spec('0.0.0.0/24'), spec('::/24'), false],
    ['identical subnets', spec('10.0.0.0/24'), spec('10.0.0.0/24'), true],
    ['a subnet within another', spec('10.0.0.0/20'), spec('10.0.1.0/24'), true],
    [
      'two parts of one subnet',
      spec('10.0.0.0/24', { end: '10.0.0.127' }),
      spec('10.0.0.0/24', { start: '10.0.0.128' }),
      false,
    ],
    [
      'parts that share one address',
      spec('10.0.0.0/24', { end: '10.0.0.127' }),
      spec('10.0.0.0/24', { start: '10.0.0.127' }),
      true,
    ],
  ];
  for (const [what, a, b, expected] of overlaps) {
    it(`${expected ? 'overlap' : 'do not overlap'}: ${what}`, () => {
      const [first, second] = [completeRange(a), completeRange(b)];
      expect([setsOverlap([first], [second]), setsOverlap([second], [first])]).to.deep.equal([expected, expected]);
    });
  }
});

describe('the order in which host-local tries addresses', () => {
  it('begins at the first address that is no gateway and tries each once', () => {
    expect(order(['192.168.1.0/29'])).to.deep.equal([2, 3, 4, 5, 6].map((n) => `192.168.1.${n}`));
  });

  it('goes on after the address given out last, and ends with it', () => {
    expect(order(['192.168.1.0/29'], '192.168.1.3')).to.deep.equal([4, 5, 6, 2, 3].map((n) => `192.168.1.${n}`));
    expect(order(['192.168.1.0/29'], '192.168.1.6')).to.deep.equal([2, 3, 4, 5, 6].map((n) => `192.168.1.${n}`));
  });

  it('begins anew when the address given out last is of no range', () => {
    expect(order(['10.0.0.0/30'], '10.0.0.128')).to.deep.equal(['10.0.0.2']);
  });

  it('goes through all ranges of the set, the first one after the last', () => {
    const three = ['10.0.0.0/30', '10.0.1.0/30', '10.0.2.0/30'];
    expect(order(three)).to.deep.equal(['10.0.0.2', '10.0.1.2', '10.0.2.2']);
    expect(order(three, '10.0.0.2')).to.deep.equal(['10.0.1.2', '10.0.2.2', '10.0.0.2']);
    expect(order(three, '10.0.2.2')).to.deep.equal(['10.0.0.2', '10.0.1.2', '10.0.2.2']);
  });

  it('ends for a range of a single address, and at the end of the address space', () => {
    const one = completeSets([[spec('10.0.0.0/24', { start: '10.0.0.9', end: '10.0.0.9' })]])[0] ?? [];
    expect([...candidates(one, ip('10.0.0.9'))].map(({ address }) => formatAddress(address))).to.deep.equal([
      '10.0.0.9',
    ]);
    expect(
      order(['ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc/126'], 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'),
    ).to.deep.equal(['ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff']);
  });
});
