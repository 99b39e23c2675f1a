import { expect } from 'chai';
import type { NftBatch, NftRule, Step } from '../../../lib/kernel/contract';
import { withTexts } from '../../../lib/kernel/ensure-text';
import { useNamespaces } from './support';

const inTable = { ns: 'host', family: 'bridge', table: 'guard' } as const;
const batch = { op: 'nft.batch', ...inTable } as const;
/** IFNAMSIZ is 16, with the NUL. */
const longest = 'v'.repeat(15);
const mac = '02:00:5e:10:ff:01';
const ensure: NonNullable<NftBatch['ensure']> = {
  comment: 'guard 1',
  chains: [{ name: 'prerouting', hook: { type: 'filter', hook: 'prerouting', priority: -310 } }],
  sets: [
    { name: 'links', key: 'ifname', comment: 'names' },
    { name: 'pairs', key: 'ifname . ether_addr', comment: 'names and MACs' },
  ],
  rules: [
    {
      chain: 'prerouting',
      comment: 'r',
      exprs: [
        { expr: 'meta', key: 'iifname', dreg: 1 },
        { expr: 'lookup', sreg: 1, set: 'links' },
        { expr: 'payload', base: 'link', offset: 6, length: 6, dreg: 2 },
        { expr: 'lookup', sreg: 1, set: 'pairs', invert: true },
        { expr: 'verdict', verdict: 'drop' },
      ],
    },
  ],
};

describe('nft.batch with names of links as keys', () => {
  const ns = useNamespaces();
  const listing = () => ns.run('host', 'nft', 'list', 'ruleset');
  // biome-ignore lint/suspicious/noExplicitAny: nft's own shape
  const valuesByNft = async (set: string): Promise<any[]> => {
    const listed = JSON.parse(await ns.run('host', 'nft', '-j', 'list', 'set', 'bridge', 'guard', set));
    return listed.nftables[1].set.elem;
  };
  const elements = (set: string) => ns.ask({ query: 'nft.elements', ...inTable, set });

  it('makes sets and a rule that nft prints as it would its own', async () => {
    await ns.apply({ ...batch, ensure });
    const made = await listing();
    expect(made.replaceAll(/\s+/g, ' ').trim()).to.equal(
      'table bridge guard { comment "guard 1" ' +
        'set links { type ifname comment "names" } ' +
        'set pairs { type ifname . ether_addr comment "names and MACs" } ' +
        'chain prerouting { type filter hook prerouting priority dstnat - 10; policy accept; ' +
        'iifname @links iifname . ether saddr != @pairs drop comment "r" } }',
    );
    await ns.run('host', 'nft', `delete table bridge guard\n${made}`);
    expect(await listing()).to.equal(made);
  });

  it('takes what the table is to be as a text, which may be the same again and again', async () => {
    await ns.apply({ ...batch, ensure });
    const made = await listing();
    const broken = { ...ensure, rules: [{ ...(ensure.rules[0] as NftRule), chain: 'nowhere' }] };
    for (const _ of [1, 2]) {
      await ns.run('host', 'nft', 'flush', 'ruleset');
      expect((await ns.attempt(withTexts([{ ...batch, ensure: broken }])[0] as Step)).faults).to.have.lengthOf(1);
      await ns.apply(...withTexts([{ ...batch, ensure }]));
      expect(await listing()).to.equal(made);
    }
  });

  it('writes keys as nft reads them', async () => {
    const add = [
      { set: 'links', keys: ['veth1', longest], comment: 'c1 eth0' },
      { set: 'pairs', keys: [`veth1 . ${mac.toUpperCase()}`, `${longest} . ${mac}`] },
    ];
    const [made] = await ns.apply({ ...batch, ensure, add });
    expect(made?.added?.[1]?.keys).to.deep.equal([`veth1 . ${mac}`, `${longest} . ${mac}`]);
    expect(await valuesByNft('links')).to.have.deep.members(
      ['veth1', longest].map((val) => ({ elem: { val, comment: 'c1 eth0' } })),
    );
    expect(await valuesByNft('pairs')).to.have.deep.members(
      ['veth1', longest].map((name) => ({ concat: [name, mac] })),
    );
  });

  it('reads and removes keys that nft wrote', async () => {
    await ns.apply({ ...batch, ensure });
    const pairs = `add element bridge guard pairs { "veth1" . ${mac} comment "c1 eth0", "${longest}" . ${mac} }`;
    await ns.run('host', 'nft', `add element bridge guard links { "veth1", "${longest}" }; ${pairs}`);
    expect(await elements('links')).to.have.deep.members([
      { key: 'veth1', comment: '' },
      { key: longest, comment: '' },
    ]);
    expect(await elements('pairs')).to.have.deep.members([
      { key: `veth1 . ${mac}`, comment: 'c1 eth0' },
      { key: `${longest} . ${mac}`, comment: '' },
    ]);
    const remove = [
      { set: 'links', keys: [longest] },
      { set: 'pairs', keys: [`veth1 . ${mac}`], comment: 'c1 eth0' },
    ];
    expect((await ns.apply({ ...batch, remove }))[0]?.did).to.equal('deleted');
    expect(await elements('links')).to.deep.equal([{ key: 'veth1', comment: '' }]);
    expect(await elements('pairs')).to.deep.equal([{ key: `${longest} . ${mac}`, comment: '' }]);
  });

  it('leaves alone what is there, and takes over what bears another comment', async () => {
    const add = (comment: string) => [{ set: 'pairs', keys: [`veth1 . ${mac}`], comment }];
    await ns.apply({ ...batch, ensure, add: add('first') });
    expect((await ns.apply({ ...batch, ensure, add: add('first') }))[0]).to.deep.include({ did: 'kept', added: [] });
    await ns.apply({ ...batch, ensure, add: add('second') });
    expect(await elements('pairs')).to.deep.equal([{ key: `veth1 . ${mac}`, comment: 'second' }]);
  });

  it('fails on a key of another type than the set, and adds nothing', async () => {
    await ns.apply({ ...batch, ensure });
    for (const [set, key] of [
      ['links', '10.1.2.3'],
      ['links', `veth1 . ${mac}`],
      ['pairs', 'veth1'],
    ] as const) {
      const { faults } = await ns.attempt({ ...batch, add: [{ set, keys: [key] }] });
      expect(faults[0], `${key} in ${set}`).to.include({
        op: `look up ${key} in set bridge guard ${set}`,
        errno: 'EINVAL',
      });
      expect(await elements(set)).to.deep.equal([]);
    }
  });

  for (const key of [`v${longest}`, 'a/b', '', ' . ', `veth1 . `, `veth1 . ${mac}:01`, `veth1 . 02:00`, `. ${mac}`])
    it(`refuses "${key}", which is no key`, async () => {
      const refused = await ns.apply({ ...batch, add: [{ set: 'links', keys: [key] }] }).catch((error) => error);
      expect(refused.message).to.include(`add[0].keys contains a key of no known type: "${key}"`);
    });
});
