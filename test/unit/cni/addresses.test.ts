import { isIP } from 'node:net';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  type Address,
  type Cidr,
  compare,
  contains,
  formatAddress,
  formatCidr,
  fromBytes,
  hostPrefix,
  isIPv6,
  lastOf,
  networkOf,
  next,
  overlaps,
  parseAddress,
  parseCidr,
  toBytes,
} from '../../../lib/cni/addresses';

const ip = (text: string): Address => parseAddress(text) ?? expect.fail(`${text} is no address`);
const cidr = (text: string): Cidr => parseCidr(text) ?? expect.fail(`${text} is no CIDR`);
const anyAddress = fc.oneof(
  fc.bigInt(0n, 2n ** 32n - 1n).map((value): Address => ({ family: 4, value })),
  fc
    .bigInt(0n, 2n ** 128n - 1n)
    .filter((value) => value >> 32n !== 0xffffn)
    .map((value): Address => ({ family: 6, value })),
);

describe('addresses', () => {
  for (const [text, canonical] of [
    ['10.1.2.3', '10.1.2.3'],
    ['FD00:0:0:0::5', 'fd00::5'],
    ['::', '::'],
    ['1::', '1::'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['::1.2.3.4', '::102:304'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::ffff:102:304', '1.2.3.4'],
  ] as const) {
    it(`${text} is written ${canonical}`, () => {
      expect(formatAddress(ip(text))).to.equal(canonical);
    });
  }

  for (const text of [
    ...['', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.256', '1.2.3.4 ', '1.2.3.-4', '0x1.2.3.4', '1.2.3.4/24'],
    ...[
      ':',
      ':::',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4::5:6:7:8',
      '1::2::3',
      '12345::',
      'g::',
      'fe80::1%eth0',
    ],
    ...['::1.2.3', '1.2.3.4::', '::1.2.3.4:5', '1:2:3:4:5:6:7:1.2.3.4', '::01.2.3.4'],
  ]) {
    it(`${JSON.stringify(text)} is none`, () => {
      expect(parseAddress(text)).to.equal(undefined);
    });
  }

  it('are understood where Node understands them, but for zones', () => {
    const part = fc.constantFrom(
      '',
      '0',
      '1',
      '01',
      '255',
      '256',
      'ffff',
      '10000',
      ':',
      '::',
      '.',
      '1.2.3.4',
      '::ffff:',
    );
    const likely = fc.array(part, { maxLength: 17 }).map((parts) => parts.join(''));
    const nearly = fc.array(part, { maxLength: 9 }).map((parts) => parts.join(':'));
    fc.assert(
      fc.property(fc.oneof(likely, nearly, fc.ipV4(), fc.ipV6()), (text) => {
        expect(parseAddress(text) !== undefined, text).to.equal(isIP(text) !== 0);
      }),
      { numRuns: 3000 },
    );
  });

  it('survive being written and read, as text and as bytes', () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        expect(parseAddress(formatAddress(address))).to.deep.equal(address);
        expect(fromBytes(toBytes(address))).to.deep.equal(address);
      }),
    );
  });

  it('are written as RFC 5952 wants, which is how URLs have them', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const address = ip(text);
        if (address.family === 6) expect(new URL(`http://[${text}]`).hostname).to.equal(`[${formatAddress(address)}]`);
      }),
    );
  });

  it('are 4 or 16 bytes', () => {
    expect([...toBytes(ip('10.1.2.3'))]).to.deep.equal([10, 1, 2, 3]);
    expect([...toBytes(ip('fd00::5'))]).to.deep.equal([0xfd, ...new Array(14).fill(0), 5]);
    expect(fromBytes(Uint8Array.of(1, 2, 3))).to.equal(undefined);
    expect(fromBytes(toBytes({ family: 6, value: 0xffff_01020304n }))).to.deep.equal(ip('1.2.3.4'));
  });

  it('are sorted IPv4 first, then by value', () => {
    const sorted = ['fd00::1', '10.0.0.9', '::', '10.0.0.10'].map(ip).sort(compare).map(formatAddress);
    expect(sorted).to.deep.equal(['10.0.0.9', '10.0.0.10', '::', 'fd00::1']);
    expect(compare(ip('::1'), ip('0::1'))).to.equal(0);
  });

  it('follow one another, and end', () => {
    expect(next(ip('10.0.0.255'))).to.deep.equal(ip('10.0.1.0'));
    expect(next(ip('fd00::'), -1)).to.deep.equal(ip('fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'));
    expect(next(ip('255.255.255.255'))).to.equal(undefined);
    expect(next(ip('::'), -1)).to.equal(undefined);
  });
});

describe('prefixes', () => {
  it('keep their host bits', () => {
    expect(formatCidr(cidr('10.1.2.3/24'))).to.equal('10.1.2.3/24');
    expect(formatCidr(networkOf(cidr('10.1.2.3/24')))).to.equal('10.1.2.0/24');
    expect(formatCidr(networkOf(cidr('fd00::5/64')))).to.equal('fd00::/64');
  });

  for (const text of [
    '10.1.2.3',
    '10.1.2.3/',
    '10.1.2.3/33',
    '10.1.2.3/-1',
    '10.1.2.3/1e1',
    '10.1.2/24',
    'fd00::/129',
    '10.1.2.3/24/24',
  ]) {
    it(`${text} is none`, () => {
      expect(parseCidr(text)).to.equal(undefined);
    });
  }

  it('of IPv4-mapped addresses are those of the IPv4 part', () => {
    expect(formatCidr(cidr('::ffff:10.1.2.3/120'))).to.equal('10.1.2.3/24');
    expect(parseCidr('::ffff:10.1.2.3/64')).to.equal(undefined);
  });

  it('contain their own addresses, first to last, and no other', () => {
    fc.assert(
      fc.property(anyAddress, fc.nat(128), (address, length) => {
        const prefix = { address, prefixLength: Math.min(length, address.family === 4 ? 32 : 128) };
        const [first, last] = [networkOf(prefix).address, lastOf(prefix)];
        for (const inside of [first, last, address]) expect(contains(prefix, inside)).to.equal(true);
        for (const outside of [next(first, -1), next(last)])
          if (outside) expect(contains(prefix, outside)).to.equal(false);
        expect(compare(first, address) <= 0 && compare(address, last) <= 0).to.equal(true);
      }),
    );
  });

  it('contain no address of the other family', () => {
    expect(contains(cidr('0.0.0.0/0'), ip('::1'))).to.equal(false);
    expect(contains(cidr('::/0'), ip('10.0.0.1'))).to.equal(false);
  });

  it('overlap when one contains the other', () => {
    expect(overlaps(cidr('10.1.0.5/16'), cidr('10.1.2.3/24'))).to.equal(true);
    expect(overlaps(cidr('10.1.2.3/24'), cidr('10.1.0.5/16'))).to.equal(true);
    expect(overlaps(cidr('10.1.2.3/24'), cidr('10.1.3.3/24'))).to.equal(false);
  });

  it('of one address are /32 and /128', () => {
    expect(formatCidr(hostPrefix(ip('10.1.2.3')))).to.equal('10.1.2.3/32');
    expect(formatCidr(hostPrefix(ip('fd00::5')))).to.equal('fd00::5/128');
  });

  it('and addresses are IPv6 when they are not IPv4, mapped or plain', () => {
    const ipv6 = ['fd00::5', 'fd00::5/64', '10.1.2.3', '10.1.2.3/24', '::ffff:10.1.2.3', 'x', 'x/64'].filter(isIPv6);
    expect(ipv6).to.deep.equal(['fd00::5', 'fd00::5/64']);
  });
});
