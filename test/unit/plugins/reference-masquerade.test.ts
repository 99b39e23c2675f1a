import { expect } from 'chai';
import { describe as inWords } from '../../../lib/kernel/describe';
import { referenceChain, unmasqueradeReference } from '../../../lib/plugins/reference-masquerade';

/** As `iptables -t nat -S POSTROUTING` showed them after an ADD of the reference's bridge, version 1.1.1. */
const made: [network: string, containerId: string, chain: string][] = [
  ['net', 'one', 'CNI-872ac0255154bbcb7094cd00'],
  ['net', 'two', 'CNI-9f2b839fcea54e1b43235640'],
  ['a-b.c_d', '0123456789abcdef'.repeat(4), 'CNI-43146e29efbdbe1e3b387bad'],
];

describe("the reference's masquerading", () => {
  for (const [network, containerId, chain] of made) {
    it(`of container ${containerId} in network ${network} is in the chain ${chain}`, () => {
      expect(referenceChain(network, containerId)).to.equal(chain);
    });
  }

  it("is ended by dropping that chain from both families' nat table, and what jumps to it from POSTROUTING", () => {
    const chains = [{ name: 'CNI-872ac0255154bbcb7094cd00', from: 'POSTROUTING' }];
    const step = { op: 'nft.batch', ns: 'host', table: 'nat', drop: { sets: [], rules: [], chains } };
    expect(unmasqueradeReference('net', 'one')).to.deep.equal([
      { ...step, family: 'ip' },
      { ...step, family: 'ip6' },
    ]);
  });

  it('is told by the trace as the chain that is dropped', () => {
    expect(unmasqueradeReference('net', 'one').map(inWords)).to.deep.equal([
      'nft ip nat drop chain CNI-872ac0255154bbcb7094cd00',
      'nft ip6 nat drop chain CNI-872ac0255154bbcb7094cd00',
    ]);
  });
});
