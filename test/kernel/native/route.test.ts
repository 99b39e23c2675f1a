import { expect } from 'chai';
import { pair, podUp, useNamespaces } from './support';

describe('The query route', () => {
  const ns = useNamespaces();
  const way = (dst: string) => ns.ask({ query: 'route', ns: 'host', dst });

  beforeEach(async () => {
    await ns.apply(pair, podUp);
    await ns.run('host', 'ip', 'addr', 'add', '10.1.2.1/24', 'dev', 'vetha');
    await ns.run('host', 'ip', 'addr', 'add', 'fd00:1::1/64', 'dev', 'vetha', 'nodad');
  });

  it('tells by which link a packet would leave', async () => {
    expect(await way('10.1.2.3')).to.deep.equal({ link: 'vetha', type: 1 });
    expect(await way('fd00:1::3')).to.deep.equal({ link: 'vetha', type: 1 });
  });

  it('tells what is the namespace’s own', async () => {
    expect(await way('10.1.2.1')).to.deep.equal({ link: 'lo', type: 2 });
    expect(await way('127.0.0.1')).to.deep.equal({ link: 'lo', type: 2 });
    expect(await way('fd00:1::1')).to.deep.include({ type: 2 });
  });

  it('is null where no route leads there, or one that keeps packets from it', async () => {
    for (const type of ['blackhole', 'unreachable', 'prohibit', 'throw']) {
      await ns.run('host', 'ip', 'route', 'replace', type, '10.7.0.0/16');
      await ns.run('host', 'ip', '-6', 'route', 'replace', type, 'fd00:7::/32');
      expect(await way('10.7.0.1'), type).to.equal(null);
      expect(await way('fd00:7::1'), type).to.equal(null);
    }
    expect(await way('10.99.0.1')).to.equal(null);
    expect(await way('fd00:99::1')).to.equal(null);
  });
});
