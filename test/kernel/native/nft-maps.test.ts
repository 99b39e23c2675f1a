import { expect } from 'chai';
import type { NftBatch, NftElements, NftExpr, NftRule } from '../../../lib/kernel/contract';
import { useNamespaces } from './support';

const inTable = { ns: 'host', family: 'inet', table: 'ports' } as const;
const batch = { op: 'nft.batch', ...inTable } as const;
const protocolAndPort = (first: number): NftExpr[] => [
  { expr: 'meta', key: 'l4proto', dreg: first },
  { expr: 'payload', base: 'transport', offset: 2, length: 2, dreg: first + 1 },
];
const isFamily = (data: string): NftExpr[] => [
  { expr: 'meta', key: 'nfproto', dreg: 1 },
  { expr: 'cmp', sreg: 1, op: 'eq', data },
];
const rules: NftRule[] = [
  {
    chain: 'prerouting',
    comment: 'own',
    exprs: [
      { expr: 'fib', result: 'type', of: 'daddr', dreg: 1 },
      { expr: 'cmp', sreg: 1, op: 'eq', data: '02000000' },
      { expr: 'verdict', verdict: 'jump', chain: 'hostports' },
    ],
  },
  {
    chain: 'hostports',
    comment: 'at_v4',
    exprs: [
      ...isFamily('02'),
      { expr: 'payload', base: 'network', offset: 16, length: 4, dreg: 1 },
      ...protocolAndPort(9),
      { expr: 'lookup', sreg: 1, set: 'at_v4', dreg: 1 },
      { expr: 'dnat', family: 'ip', address: 1, port: 9 },
    ],
  },
  {
    chain: 'hostports',
    comment: 'any_v6',
    exprs: [
      ...isFamily('0a'),
      ...protocolAndPort(8),
      { expr: 'lookup', sreg: 1, set: 'any_v6', dreg: 1 },
      { expr: 'dnat', family: 'ip6', address: 1, port: 2 },
    ],
  },
  {
    chain: 'postrouting',
    comment: 'masq',
    exprs: [
      { expr: 'ct', key: 'status', dreg: 1 },
      { expr: 'bitwise', sreg: 1, dreg: 1, length: 4, mask: '20000000', xor: '00000000' },
      { expr: 'cmp', sreg: 1, op: 'neq', data: '00000000' },
      ...isFamily('02'),
      { expr: 'payload', base: 'network', offset: 12, length: 4, dreg: 1 },
      { expr: 'bitwise', sreg: 1, dreg: 1, length: 4, mask: 'ffffff00', xor: '00000000' },
      { expr: 'payload', base: 'network', offset: 16, length: 4, dreg: 9 },
      { expr: 'meta', key: 'l4proto', dreg: 10 },
      { expr: 'ct', key: 'proto-dst', direction: 'original', dreg: 11 },
      { expr: 'lookup', sreg: 1, set: 'masq_v4' },
      { expr: 'masq' },
    ],
  },
];
const ensure: NonNullable<NftBatch['ensure']> = {
  comment: 'ports 1',
  chains: [
    { name: 'prerouting', hook: { type: 'nat', hook: 'prerouting', priority: -95 } },
    { name: 'hostports' },
    { name: 'postrouting', hook: { type: 'nat', hook: 'postrouting', priority: 110 } },
  ],
  sets: [
    { name: 'at_v4', key: 'ipv4_addr . inet_proto . inet_service', data: 'ipv4_addr . inet_service', comment: 'at' },
    { name: 'any_v6', key: 'inet_proto . inet_service', data: 'ipv6_addr . inet_service', comment: '' },
    { name: 'masq_v4', key: 'ipv4_addr . ipv4_addr . inet_proto . inet_service', comment: '' },
  ],
  rules,
};
const at: NftElements = { set: 'at_v4', keys: ['10.0.0.1 . tcp . 8080'], data: '10.1.2.3 . 80', comment: 'abc eth0' };
const any: NftElements = { set: 'any_v6', keys: ['sctp . 53', 'udp . 65535'], data: 'fd00::5 . 0' };
const masq: NftElements = { set: 'masq_v4', keys: ['10.1.2.0 . 10.1.2.3 . udp . 8080'] };

describe('nft.batch with maps and concatenated keys', () => {
  const ns = useNamespaces();
  const listing = async () => (await ns.run('host', 'nft', 'list', 'ruleset')).replaceAll(/\s+/g, ' ').trim();
  const elements = (set: string) => ns.ask({ query: 'nft.elements', ...inTable, set });

  it('makes maps, sets and rules that nft prints as it would its own', async () => {
    const [made] = await ns.apply({ ...batch, ensure, add: [at, any, masq] });
    expect(made).to.deep.include({ did: 'created', madeTable: true, added: [at, any, masq] });
    const listed = await listing();
    expect(listed).to.equal(
      'table inet ports { comment "ports 1" ' +
        'map at_v4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service comment "at" ' +
        'elements = { 10.0.0.1 . tcp . 8080 comment "abc eth0" : 10.1.2.3 . 80 } } ' +
        'map any_v6 { type inet_proto . inet_service : ipv6_addr . inet_service ' +
        'elements = { sctp . 53 : fd00::5 . 0, udp . 65535 : fd00::5 . 0 } } ' +
        'set masq_v4 { type ipv4_addr . ipv4_addr . inet_proto . inet_service ' +
        'elements = { 10.1.2.0 . 10.1.2.3 . udp . 8080 } } ' +
        'chain prerouting { type nat hook prerouting priority dstnat + 5; policy accept; ' +
        'fib daddr type local jump hostports comment "own" } ' +
        'chain hostports { dnat ip to ip daddr . meta l4proto . th dport map @at_v4 comment "at_v4" ' +
        'meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @any_v6 comment "any_v6" } ' +
        'chain postrouting { type nat hook postrouting priority srcnat + 10; policy accept; ' +
        'ct status dnat ip saddr & 255.255.255.0 . ip daddr . meta l4proto . ct original proto-dst @masq_v4 ' +
        'masquerade comment "masq" } }',
    );
  });

  it('writes keys and data as nft reads them', async () => {
    await ns.apply({ ...batch, ensure, add: [at, any] });
    const { nftables } = JSON.parse(await ns.run('host', 'nft', '-j', 'list', 'map', 'inet', 'ports', 'at_v4'));
    expect(nftables[1].map).to.include({ map: 'ipv4_addr . inet_service' });
    expect(nftables[1].map.elem).to.deep.equal([
      [{ elem: { val: { concat: ['10.0.0.1', 'tcp', 8080] }, comment: 'abc eth0' } }, { concat: ['10.1.2.3', 80] }],
    ]);
    expect(await elements('any_v6')).to.have.deep.members(
      any.keys.map((key) => ({ key, data: 'fd00::5 . 0', comment: '' })),
    );
  });

  it('reads and removes what nft wrote', async () => {
    await ns.apply({ ...batch, ensure });
    const element = '10.0.0.1 . tcp . 8080 comment "abc eth0" : 10.1.2.3 . 80';
    await ns.run('host', 'nft', `add element inet ports at_v4 { ${element} }`);
    expect(await elements('at_v4')).to.deep.equal([{ key: at.keys[0], data: at.data, comment: at.comment }]);
    expect((await ns.apply({ ...batch, add: [at] }))[0]).to.deep.include({ did: 'kept', added: [] });
    expect((await ns.apply({ ...batch, remove: [at] }))[0]?.did).to.equal('deleted');
    expect(await elements('at_v4')).to.deep.equal([]);
  });
});
