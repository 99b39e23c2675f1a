import { expect } from 'chai';
import type { NftEnsure, NftRule } from '../../../lib/kernel/contract';
import { native } from '../../../lib/kernel/native';
import { useNamespaces } from './support';

const table = { ns: 'host', family: 'bridge', table: 'trial' } as const;
const rule: NftRule = { chain: 'forward', comment: 'r', exprs: [{ expr: 'verdict', verdict: 'accept' }] };
const ensure: NftEnsure = {
  comment: 'c',
  chains: [{ name: 'forward', hook: { type: 'filter', hook: 'forward', priority: 0 } }],
  sets: [{ name: 's', key: 'ifname . ether_addr', comment: '' }],
  rules: [rule],
};

describe('The query nft.trial', () => {
  const ns = useNamespaces();
  const trial = (wanted: NftEnsure) => ({ query: 'nft.trial', ...table, ensure: wanted }) as const;

  it('is true where the kernel would do it, and changes nothing', async () => {
    expect(await ns.ask(trial(ensure))).to.equal(true);
    expect(await ns.run('host', 'nft', 'list', 'ruleset')).to.equal('');
  });

  it('is true where it is done already, whole or in part', async () => {
    await ns.apply({ op: 'nft.batch', ...table, ensure: { ...ensure, rules: [], sets: [] } });
    const before = await ns.run('host', 'nft', 'list', 'ruleset');
    expect(await ns.ask(trial(ensure))).to.equal(true);
    expect(await ns.run('host', 'nft', 'list', 'ruleset')).to.equal(before);
    await ns.apply({ op: 'nft.batch', ...table, ensure });
    expect(await ns.ask(trial(ensure))).to.equal(true);
  });

  it('rejects with what an nft.batch would fail with', async () => {
    const masquerading = { ...ensure, rules: [{ ...rule, exprs: [{ expr: 'masq' } as const] }] };
    const { faults } = await ns.attempt({ op: 'nft.batch', ...table, ensure: masquerading });
    const rejected = await native()
      .observe(ns.where, [trial(masquerading)])
      .catch((error) => error);
    for (const key of ['op', 'errno', 'code', 'extack'] as const) expect(rejected[key], key).to.equal(faults[0]?.[key]);
    expect(rejected.op).to.equal('add rule "r" to chain bridge trial forward');
    expect(await ns.run('host', 'nft', 'list', 'ruleset')).to.equal('');
  });

  it('can be asked by many at once, while one does it', async () => {
    const trials = Array.from({ length: 8 }, () => ns.ask(trial(ensure)));
    const batch = ns.apply({ op: 'nft.batch', ...table, ensure });
    expect(new Set(await Promise.all(trials))).to.deep.equal(new Set([true]));
    await batch;
  });
});
