import { expect } from 'chai';
import type { NftBatch, NftElementFact, NftExpr, NftRule } from '../../../lib/kernel/contract';
import { native } from '../../../lib/kernel/native';
import { useNamespaces } from './support';

const table = { op: 'nft.batch', ns: 'host', family: 'inet', table: 'trestle' } as const;
const inTable = { ns: 'host', family: 'inet', table: 'trestle' } as const;
const nfproto = (data: string): NftExpr[] => [
  { expr: 'meta', key: 'nfproto', dreg: 1 },
  { expr: 'cmp', sreg: 1, op: 'eq', data },
];
const masquerade: NftRule = {
  chain: 'postrouting',
  comment: 'network net',
  exprs: [
    ...nfproto('02'),
    { expr: 'payload', base: 'network', offset: 12, length: 4, dreg: 1 },
    { expr: 'lookup', sreg: 1, set: 'pods4' },
    { expr: 'payload', base: 'network', offset: 16, length: 4, dreg: 1 },
    { expr: 'bitwise', sreg: 1, dreg: 1, length: 4, mask: 'ffff0000', xor: '00000000' },
    { expr: 'cmp', sreg: 1, op: 'neq', data: '0a010000' },
    { expr: 'counter' },
    { expr: 'masq' },
  ],
};
const ensure: NonNullable<NftBatch['ensure']> = {
  comment: 'trestle 1',
  chains: [{ name: 'postrouting', hook: { type: 'nat', hook: 'postrouting', priority: 90 } }],
  sets: [
    { name: 'pods4', key: 'ipv4_addr', comment: 'network net' },
    { name: 'pods6', key: 'ipv6_addr', comment: 'network net' },
  ],
  rules: [masquerade],
};
const drop = { sets: ['pods4', 'pods6'], rules: [{ chain: 'postrouting', comment: 'network net' }] };

describe('nft.batch', () => {
  const ns = useNamespaces();
  const elements = (set: string) =>
    ns.ask({ query: 'nft.elements', ns: 'host', family: 'inet', table: 'trestle', set });
  const keys = async (set: string) => ((await elements(set)) as NftElementFact[]).map(({ key }) => key).sort();
  const ruleset = () => ns.run('host', 'nft', 'list', 'ruleset');

  it('makes a table, chain, sets, a rule and elements as nft itself would', async () => {
    const add = [
      { set: 'pods4', keys: ['10.1.0.5'], comment: 'abc eth0' },
      { set: 'pods6', keys: ['fd00::5'] },
    ];
    const [made] = await ns.apply({ ...table, ensure, add });
    expect(made).to.deep.include({ did: 'created', added: add });
    expect((await ruleset()).replaceAll(/\s+/g, ' ')).to.equal(
      'table inet trestle { comment "trestle 1" ' +
        'set pods4 { type ipv4_addr comment "network net" elements = { 10.1.0.5 comment "abc eth0" } } ' +
        'set pods6 { type ipv6_addr comment "network net" elements = { fd00::5 } } ' +
        'chain postrouting { type nat hook postrouting priority srcnat - 10; policy accept; ' +
        'ip saddr @pods4 ip daddr != 10.1.0.0/16 counter packets 0 bytes 0 masquerade comment "network net" } } ',
    );
  });

  it('knows every expression of the contract', async () => {
    const rule: NftRule = {
      chain: 'all',
      comment: 'all',
      exprs: [
        { expr: 'meta', key: 'iifname', dreg: 1 },
        { expr: 'cmp', sreg: 1, op: 'eq', data: Buffer.from('cni0'.padEnd(16, '\0')).toString('hex') },
        { expr: 'meta', key: 'oifname', dreg: 1 },
        { expr: 'cmp', sreg: 1, op: 'neq', data: Buffer.from('eth0'.padEnd(16, '\0')).toString('hex') },
        ...nfproto('02'),
        { expr: 'payload', base: 'network', offset: 12, length: 4, dreg: 2 },
        { expr: 'lookup', sreg: 2, set: 'pods4', invert: true },
        { expr: 'meta', key: 'l4proto', dreg: 1 },
        { expr: 'cmp', sreg: 1, op: 'eq', data: '06' },
        { expr: 'payload', base: 'transport', offset: 2, length: 2, dreg: 1 },
        { expr: 'cmp', sreg: 1, op: 'gte', data: '0050' },
        { expr: 'meta', key: 'mark', dreg: 1 },
        { expr: 'verdict', verdict: 'return' },
      ],
    };
    await ns.apply({ ...table, ensure: { ...ensure, chains: [{ name: 'all' }], rules: [rule] } });
    expect(await ruleset()).to.contain(
      'iifname "cni0" oifname != "eth0" ip saddr != @pods4 tcp dport >= 80 return comment "all"',
    );
  });

  it('leaves alone what is there', async () => {
    await ns.apply({ ...table, ensure, add: [{ set: 'pods4', keys: ['10.1.0.5'], comment: 'first' }] });
    const before = await ruleset();
    for (const comment of [{ comment: 'first' }, {}]) {
      const [kept] = await ns.apply({ ...table, ensure, add: [{ set: 'pods4', keys: ['10.1.0.5'], ...comment }] });
      expect(kept).to.deep.include({ did: 'kept', added: [] });
    }
    expect(await ruleset()).to.equal(before);
  });

  it('takes over an element that bears another comment', async () => {
    await ns.apply({ ...table, ensure, add: [{ set: 'pods4', keys: ['10.1.0.5', '10.1.0.6'], comment: 'first' }] });
    const add = [{ set: 'pods4', keys: ['10.1.0.5'], comment: 'second' }];
    expect((await ns.apply({ ...table, ensure, add }))[0]).to.deep.include({ did: 'created', added: add });
    expect(await elements('pods4')).to.have.deep.members([
      { key: '10.1.0.5', comment: 'second' },
      { key: '10.1.0.6', comment: 'first' },
    ]);
  });

  it('does not remove an element that bears another comment', async () => {
    const keys = (comment: string, ...keys: string[]) => ({ set: 'pods4', keys, comment });
    const add = [keys('first', '10.1.0.5'), keys('second', '10.1.0.6'), keys('', '10.1.0.7')];
    await ns.apply({ ...table, ensure, add });
    await ns.apply({ ...table, remove: [keys('first', '10.1.0.5', '10.1.0.6', '10.1.0.7')] });
    expect(await elements('pods4')).to.deep.equal([{ key: '10.1.0.6', comment: 'second' }]);
    await ns.apply({ ...table, remove: [{ set: 'pods4', keys: ['10.1.0.6'] }] });
    expect(await elements('pods4')).to.deep.equal([]);
  });

  it('removes what several name if it is of one of them, and once', async () => {
    const keys = (comment: string, ...keys: string[]) => ({ set: 'pods4', keys, comment });
    await ns.apply({ ...table, ensure, add: [keys('second', '10.1.0.5'), keys('', '10.1.0.6')] });
    const remove = ['first', 'second', 'third'].map((comment) => keys(comment, '10.1.0.5', '10.1.0.6'));
    await ns.apply({ ...table, remove });
    expect(await elements('pods4')).to.deep.equal([]);
  });

  it('adds what is missing beside what is there, and says which', async () => {
    await ns.apply({ ...table, ensure: { ...ensure, rules: [] }, add: [{ set: 'pods4', keys: ['10.1.0.5'] }] });
    const [made] = await ns.apply({
      ...table,
      ensure,
      add: [{ set: 'pods4', keys: ['10.1.0.5', '10.1.0.6', '10.1.0.6'] }],
    });
    expect(made).to.deep.include({ did: 'created', added: [{ set: 'pods4', keys: ['10.1.0.6'] }] });
    expect(await keys('pods4')).to.deep.equal(['10.1.0.5', '10.1.0.6']);
    expect((await ruleset()).match(/masquerade/g)).to.have.length(1);
  });

  it('removes the elements that are there and no others', async () => {
    await ns.apply({ ...table, ensure, add: [{ set: 'pods4', keys: ['10.1.0.5', '10.1.0.6'] }] });
    const remove = [
      { set: 'pods4', keys: ['10.1.0.5', '10.1.0.5', '10.1.0.99'] },
      { set: 'pods4', keys: ['10.1.0.5'] },
      { set: 'nosuchset', keys: ['10.1.0.5'] },
    ];
    expect((await ns.apply({ ...table, remove }))[0]?.did).to.equal('deleted');
    expect(await keys('pods4')).to.deep.equal(['10.1.0.6']);
    expect((await ns.apply({ ...table, remove }))[0]?.did).to.equal('kept');
  });

  it('removes from a table that is not there: nothing to do', async () => {
    const [kept] = await ns.apply({ ...table, remove: [{ set: 'pods4', keys: ['10.1.0.5'] }], drop });
    expect(kept?.did).to.equal('kept');
  });

  it('drops sets with the rules that look them up, and nothing else', async () => {
    const other: NftRule = { ...masquerade, comment: 'network other', exprs: [{ expr: 'counter' }] };
    await ns.apply({
      ...table,
      ensure: { ...ensure, rules: [masquerade, other] },
      add: [{ set: 'pods4', keys: ['10.1.0.5'] }],
    });
    expect((await ns.apply({ ...table, drop }))[0]?.did).to.equal('deleted');
    expect(await ns.ask({ query: 'nft.sets', ns: 'host', family: 'inet', table: 'trestle' })).to.deep.equal([]);
    const rules = await ns.ask({
      query: 'nft.rules',
      ns: 'host',
      family: 'inet',
      table: 'trestle',
      chain: 'postrouting',
    });
    expect(rules?.map(({ comment }) => comment)).to.deep.equal(['network other']);
    expect((await ns.apply({ ...table, drop }))[0]?.did).to.equal('kept');
  });

  it('does all or nothing, and names the message that failed', async () => {
    const broken: NftRule = {
      ...masquerade,
      comment: 'broken',
      exprs: [{ expr: 'lookup', sreg: 1, set: 'nosuchset' }],
    };
    const { faults } = await ns.attempt({ ...table, ensure: { ...ensure, rules: [broken] } });
    expect(faults[0]).to.include({
      op: 'add rule "broken" to chain inet trestle postrouting',
      errno: 'ENOENT',
      code: 2,
    });
    expect(await ruleset()).to.equal('');
    await ns.apply({ ...table, ensure });
    const busy = await ns.attempt({ ...table, drop: { sets: ['pods4'], rules: [] } });
    expect(busy.faults[0]).to.include({ op: 'delete set inet trestle pods4', errno: 'EBUSY' });
    const missing = await ns.attempt({ ...table, add: [{ set: 'nosuchset', keys: ['10.1.0.5'] }] });
    expect(missing.faults[0]).to.include({ op: 'add elements to set inet trestle nosuchset', errno: 'ENOENT' });
  });

  it('fails where the kernel cannot masquerade, and leaves no half of it', async () => {
    const filter = { type: 'filter', hook: 'forward', priority: 0 } as const;
    const { faults } = await ns.attempt({
      ...table,
      ensure: { ...ensure, chains: [{ name: 'postrouting', hook: filter }] },
    });
    expect(faults[0]).to.include({ op: 'add rule "network net" to chain inet trestle postrouting' });
    expect(faults[0]?.errno).to.match(/^E/);
    expect(await ruleset()).to.equal('');
  });

  it('puts thousands of elements into one transaction', async () => {
    const many = Array.from({ length: 5000 }, (_, i) => `10.2.${i >> 8}.${i & 255}`);
    await ns.apply({ ...table, ensure, add: [{ set: 'pods4', keys: many, comment: 'c'.repeat(127) }] });
    expect(await elements('pods4')).to.have.length(5000);
    await ns.apply({ ...table, remove: [{ set: 'pods4', keys: many }] });
    expect(await elements('pods4')).to.deep.equal([]);
  });

  it('lets many writers at one table, with each rule once in the end', async () => {
    // Several small rules: they take long to look for, and not long to hand over.
    const comments = Array.from({ length: 8 }, (_, i) => `network ${i}`);
    const rules = comments.map((comment): NftRule => ({ ...masquerade, comment, exprs: [{ expr: 'counter' }] }));
    for (let round = 0; round < 20; round++) {
      const writers = Array.from({ length: 20 }, (_, i) =>
        ns.apply({ ...table, ensure: { ...ensure, rules }, add: [{ set: 'pods4', keys: [`10.3.${round}.${i}`] }] }),
      );
      const added = (await Promise.all(writers)).flatMap(([outcome]) => outcome?.added ?? []);
      expect(added.flatMap(({ keys }) => keys)).to.have.length(20);
      const found = await ns.ask({ query: 'nft.rules', ...inTable, chain: 'postrouting' });
      expect(found?.map(({ comment }) => comment)).to.deep.equal(comments);
      await ns.apply({
        ...table,
        drop: { sets: [], rules: comments.map((comment) => ({ chain: 'postrouting', comment })) },
      });
    }
    expect(await elements('pods4')).to.have.length(400);
  });

  it('removes though another removes the same at the same time', async () => {
    const all = Array.from({ length: 200 }, (_, i) => `10.3.0.${i}`);
    await ns.apply({ ...table, ensure, add: [{ set: 'pods4', keys: all }] });
    const writers = Array.from({ length: 10 }, () => ns.attempt({ ...table, remove: [{ set: 'pods4', keys: all }] }));
    expect((await Promise.all(writers)).flatMap(({ faults }) => faults)).to.deep.equal([]);
    expect(await elements('pods4')).to.deep.equal([]);
  });

  it('works in the other families and in the pod', async () => {
    const chains = [{ name: 'forward', hook: { type: 'filter', hook: 'forward', priority: -5 } as const }];
    const rule: NftRule = { chain: 'forward', comment: 'r', exprs: [{ expr: 'verdict', verdict: 'accept' }] };
    for (const family of ['ip', 'ip6', 'bridge'] as const) {
      await ns.apply({ ...table, ns: 'pod', family, ensure: { comment: '', chains, sets: [], rules: [rule] } });
    }
    const seen = await ns.run('pod', 'nft', 'list', 'ruleset');
    expect(seen)
      .to.contain('table ip trestle')
      .and.to.contain('table ip6 trestle')
      .and.to.contain('table bridge trestle');
    expect(await ruleset()).to.equal('');
  });

  describe('the queries', () => {
    it('tell elements, sets and rules with their comments', async () => {
      await ns.apply({ ...table, ensure, add: [{ set: 'pods6', keys: ['fd00::5'], comment: 'abc eth0' }] });
      expect(await elements('pods6')).to.deep.equal([{ key: 'fd00::5', comment: 'abc eth0' }]);
      expect(await ns.ask({ query: 'nft.sets', ns: 'host', family: 'inet', table: 'trestle' })).to.deep.equal([
        { name: 'pods4', comment: 'network net' },
        { name: 'pods6', comment: 'network net' },
      ]);
      const rules = await ns.ask({
        query: 'nft.rules',
        ns: 'host',
        family: 'inet',
        table: 'trestle',
        chain: 'postrouting',
      });
      expect(rules).to.have.length(1);
      expect(rules?.[0]?.comment).to.equal('network net');
      await ns.run(
        'host',
        'nft',
        'delete',
        'rule',
        'inet',
        'trestle',
        'postrouting',
        'handle',
        rules?.[0]?.handle ?? '',
      );
    });

    it('answer null where there is no such table, set or chain', async () => {
      await ns.apply({ ...table, ensure });
      const where = { ns: 'host', family: 'inet' } as const;
      const answers = await native().observe(ns.where, [
        { query: 'nft.elements', ...where, table: 'trestle', set: 'nosuchset' },
        { query: 'nft.elements', ...where, table: 'nosuchtable', set: 'pods4' },
        { query: 'nft.sets', ...where, table: 'nosuchtable' },
        { query: 'nft.rules', ...where, table: 'trestle', chain: 'nosuchchain' },
        { query: 'nft.rules', ...where, table: 'nosuchtable', chain: 'postrouting' },
      ]);
      expect(answers).to.deep.equal([null, null, null, null, null]);
    });

    it('read what others have made', async () => {
      await ns.run(
        'host',
        'nft',
        'add table inet t; add set inet t s { type inet_service; }; add element inet t s { 80 }',
      );
      expect(await ns.ask({ query: 'nft.sets', ns: 'host', family: 'inet', table: 't' })).to.deep.equal([
        { name: 's', comment: '' },
      ]);
      const found = await ns.ask({ query: 'nft.elements', ns: 'host', family: 'inet', table: 't', set: 's' });
      expect(found).to.have.length(1);
    });
  });
});
