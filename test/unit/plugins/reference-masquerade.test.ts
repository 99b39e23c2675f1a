import { expect } from 'chai';
import { describe as inWords } from '../../../lib/kernel/describe';
import { bridge } from '../../../lib/plugins/bridge/bridge';
import {
  masqueradedByReference,
  referenceChain,
  unmasqueradeReference,
} from '../../../lib/plugins/reference-masquerade';
import { contextOf, identity } from './bridge-cases';

/** As `iptables -t nat -S POSTROUTING` showed them after an ADD of the reference's bridge, version 1.1.1. */
const made: [network: string, containerId: string, chain: string][] = [
  ['net', 'one', 'CNI-872ac0255154bbcb7094cd00'],
  ['net', 'two', 'CNI-9f2b839fcea54e1b43235640'],
  ['a-b.c_d', '0123456789abcdef'.repeat(4), 'CNI-43146e29efbdbe1e3b387bad'],
];

const attachmentOf = (command: string, name: string) => ({
  request: { command, ifname: 'eth0' },
  identity: { ...identity, hostEnd: { name, mac: '' } },
});

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

  it('is found, for an address, by a jump of its family to that chain', () => {
    const jumpTo = (jump: string) => [
      { handle: '1', comment: '' },
      { handle: '2', comment: '', jump },
    ];
    const facts = { iptablesRules: jumpTo('CNI-872ac0255154bbcb7094cd00'), ip6tablesRules: jumpTo('KUBE-POSTROUTING') };
    const found = (containerId: string, address: string) =>
      masqueradedByReference(facts, { network: 'net', containerId }, address);
    expect(found('one', '10.1.2.3/24')).to.equal(true);
    expect(found('two', '10.1.2.3/24')).to.equal(false);
    expect(found('one', 'fd00::3/64')).to.equal(false);
    expect(
      masqueradedByReference({ iptablesRules: null }, { network: 'net', containerId: 'one' }, '10.1.2.3/24'),
    ).to.equal(false);
  });

  it('is asked for only by a CHECK with ipMasq of a host end that is not ours', () => {
    const asked = (command: string, ipMasq: boolean, name: string) =>
      'iptablesRules' in
      bridge.facts({ ...contextOf({ config: { ipMasq } }), ...attachmentOf(command, name) } as never, {});
    expect(asked('CHECK', true, 'veth1a2b3c4d')).to.equal(true);
    expect(asked('CHECK', true, identity.hostEnd.name)).to.equal(false);
    expect(asked('CHECK', false, 'veth1a2b3c4d')).to.equal(false);
    expect(asked('ADD', true, 'veth1a2b3c4d')).to.equal(false);
  });

  it('is told by the trace as the chain that is dropped', () => {
    expect(unmasqueradeReference('net', 'one').map(inWords)).to.deep.equal([
      'nft ip nat drop chain CNI-872ac0255154bbcb7094cd00',
      'nft ip6 nat drop chain CNI-872ac0255154bbcb7094cd00',
    ]);
  });
});
