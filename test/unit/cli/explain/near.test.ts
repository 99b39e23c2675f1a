import { expect } from 'chai';
import { distance, nearest } from '../../../../lib/cli/explain/doubts/near';

describe('the distance of two words', () => {
  for (const [a, b, expected] of [
    ['mtu', 'mtu', 0],
    ['', 'mtu', 3],
    ['ipMask', 'ipMasq', 1],
    ['subent', 'subnet', 1],
    ['isGatway', 'isGateway', 1],
    ['kitten', 'sitting', 3],
  ] as const) {
    it(`from "${a}" to "${b}" is ${expected}`, () => expect(distance(a, b)).to.equal(expected));
  }
});

describe('the nearest word', () => {
  it('is the one that was probably meant, whatever its case', () => {
    expect(nearest('ISGATWAY', ['isDefaultGateway', 'isGateway'])).to.equal('isGateway');
    expect(nearest('ipmask', ['ipMasq', 'ip'])).to.equal('ipMasq');
  });

  it('is none where it would be a guess', () => {
    expect(nearest('mac', ['mtu', 'ip'])).to.equal(undefined);
    expect(nearest('colour', ['dns', 'vlan', 'mtu'])).to.equal(undefined);
    expect(nearest('ip', ['id'])).to.equal(undefined);
  });
});
