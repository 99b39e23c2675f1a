import { expect } from 'chai';
import { bridge, pair, useNamespaces } from './support';

describe('link.set with noLinkLocalLearn', () => {
  const ns = useNamespaces();
  const set = (noLinkLocalLearn: boolean) => ({ op: 'link.set', ns: 'host', name: 'cni0', noLinkLocalLearn }) as const;
  const fact = async () => (await ns.ask({ query: 'link', ns: 'host', name: 'cni0' }))?.bridge;
  const byIp = async () => (await ns.ip('host', 'link', 'show', 'cni0'))[0].linkinfo.info_data.no_linklocal_learn;

  it('switches it on and off, as `ip` sees it, and tells what was before', async () => {
    await ns.apply(bridge);
    expect([await byIp(), (await fact())?.noLinkLocalLearn]).to.deep.equal([0, undefined]);
    const [on] = await ns.apply(set(true));
    expect(on).to.deep.include({ did: 'changed', previous: { noLinkLocalLearn: false } });
    expect([await byIp(), (await fact())?.noLinkLocalLearn]).to.deep.equal([1, true]);
    expect((await ns.apply(set(true)))[0]?.did).to.equal('kept');
    const [off] = await ns.apply(set(false));
    expect(off).to.deep.include({ did: 'changed', previous: { noLinkLocalLearn: true } });
    expect([await byIp(), (await fact())?.noLinkLocalLearn]).to.deep.equal([0, undefined]);
  });

  it('sets other things of the bridge along with it', async () => {
    await ns.apply({ op: 'link.add', ns: 'host', name: 'cni0', link: { kind: 'bridge' }, ifExists: 'fail' });
    const [outcome] = await ns.apply({ ...set(true), up: true, promisc: true });
    expect(outcome?.previous).to.deep.equal({ up: false, promisc: false, noLinkLocalLearn: false });
    expect(await ns.ask({ query: 'link', ns: 'host', name: 'cni0' })).to.include({ up: true, promiscFlag: true });
  });

  it('fails on what is no bridge', async () => {
    await ns.apply(pair);
    const { faults } = await ns.attempt({ ...set(true), name: 'vetha' });
    expect(faults[0]).to.include({
      op: 'set link vetha: no_linklocal_learn on',
      errno: 'EOPNOTSUPP',
      message: 'link "vetha" is no bridge',
    });
  });
});
