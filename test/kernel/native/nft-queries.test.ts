import { expect } from 'chai';
import type { Query } from '../../../lib/kernel/contract';
import { native } from '../../../lib/kernel/native';
import { runScript, useNamespaces } from './support';

const where = { ns: 'host', family: 'ip', table: 't' } as const;

describe('Queries about nftables', () => {
  const ns = useNamespaces();
  const nft = (...commands: string[]) => ns.run('host', 'nft', commands.join('; '));
  const rules = async () => (await ns.ask({ query: 'nft.rules', ...where, chain: 'c' })) ?? [];

  it('nft.lookup tells the element of each key, and null where there is none', async () => {
    await nft(
      'add table ip t',
      'add map ip t m { type inet_proto . inet_service : ipv4_addr . inet_service; }',
      'add element ip t m { tcp . 80 comment "abc eth0" : 10.1.2.3 . 8080, udp . 80 : 10.1.2.3 . 8080 }',
    );
    const keys = ['udp . 80', 'sctp . 80', 'tcp . 80'];
    const holders = { query: 'nft.lookup', ...where, keys } as const;
    expect(await ns.ask({ ...holders, set: 'm' })).to.deep.equal([
      { key: 'udp . 80', data: '10.1.2.3 . 8080', comment: '' },
      null,
      { key: 'tcp . 80', data: '10.1.2.3 . 8080', comment: 'abc eth0' },
    ]);
    expect(await ns.ask({ ...holders, set: 'nosuch' })).to.deep.equal([null, null, null]);
    expect(await ns.ask({ ...holders, set: 'm', table: 'nosuch' })).to.deep.equal([null, null, null]);
    expect(await ns.ask({ ...holders, set: 'm', keys: [] })).to.deep.equal([]);
  });

  it('nft.lookup refuses what is no key', async () => {
    for (const key of [
      'tcp . 65536',
      'tcp . 080',
      'tcp . ',
      'icmp . 1',
      'tcp . 80 . 80',
      '10.0.0.1 . fd00::1 . tcp . 1',
    ]) {
      const query: Query = { query: 'nft.lookup', ...where, set: 'm', keys: [key] };
      const refused = await native()
        .observe({ host: '/run/nosuch' }, [query])
        .catch((error) => error);
      expect(refused.message).to.contain(`queries[0].keys contains a key of no known type: "${key}"`);
    }
  });

  it('nft.tables lists the tables of every family', async () => {
    expect(await ns.ask({ query: 'nft.tables', ns: 'host' })).to.deep.equal([]);
    const families = ['inet', 'ip', 'ip6', 'bridge', 'arp', 'netdev'];
    await nft(...families.map((family) => `add table ${family} of_${family}`));
    expect(await ns.ask({ query: 'nft.tables', ns: 'host' })).to.have.deep.members(
      families.map((family) => ({ family, name: `of_${family}` })),
    );
    expect(await ns.ask({ query: 'nft.tables', ns: 'pod' })).to.deep.equal([]);
  });

  it('nft.tables is empty where the kernel has no nftables', async () => {
    await nft('add table ip t');
    const script = `load(process.argv[1]).observe({ host: process.argv[2] }, [{ query: 'nft.tables', ns: 'host' }])
      .then((all) => console.log(JSON.stringify(all)), ({ errno }) => console.log(errno))`;
    const printed = async (calls: string, errno: string) => {
      const inject = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', `inject=${calls}:error=${errno}`];
      return (await runScript(script, [ns.where.host], ['strace', ...inject])).stdout.trim();
    };
    expect(await printed('socket', 'EPROTONOSUPPORT')).to.equal('[[]]');
    expect(await printed('sendto,sendmsg', 'EINVAL')).to.equal('[[]]');
    expect(await printed('sendto,sendmsg', 'EPERM')).to.equal('EPERM');
  });

  it('nft.rules tells the constants that a rule compares with and loads', async () => {
    await nft(
      'add table ip t',
      'add chain ip t c { type nat hook prerouting priority 0; }',
      'add chain ip t d',
      'add rule ip t c tcp dport 80 dnat to 10.1.2.3:8080',
      'add rule ip t c tcp dport 81 jump d',
      'add rule ip t c accept',
    );
    const [dnat, jump, accept] = await rules();
    expect(dnat).to.deep.include({ constants: ['06', '0050', '0a010203', '1f90'] });
    expect(jump).to.deep.include({ jump: 'd', constants: ['06', '0051'] });
    expect(accept).to.not.have.property('constants');
  });

  it('nft.batch drops those of the rules that have a constant', async () => {
    const rule = (text: string) => `add rule ip t c ${text} comment "portmap"`;
    await nft(
      'add table ip t',
      'add chain ip t c { type nat hook prerouting priority 0; }',
      rule('tcp dport 80 dnat to 10.1.2.3:8080'),
      rule('tcp dport 81 dnat to 10.1.2.4:8080'),
      rule('accept'),
    );
    const drop = (constant: string) => ({
      op: 'nft.batch' as const,
      ...where,
      drop: { sets: [], rules: [{ chain: 'c', comment: 'portmap', constant }] },
    });
    expect((await ns.apply(drop('0a010299')))[0]?.did).to.equal('kept');
    expect((await ns.apply(drop('0a010203')))[0]?.did).to.equal('deleted');
    expect((await rules()).map(({ constants }) => constants)).to.deep.equal([
      ['06', '0051', '0a010204', '1f90'],
      undefined,
    ]);
  });

  it('nft.batch says that it had to make its table', async () => {
    const ensure = { comment: '', chains: [{ name: 'c' }], sets: [], rules: [] };
    const batch = { op: 'nft.batch' as const, ...where, ensure };
    expect((await ns.apply(batch))[0]).to.include({ did: 'created', madeTable: true });
    for (const chain of ['c', 'd']) {
      const again = { ...batch, ensure: { ...ensure, chains: [{ name: chain }] } };
      expect((await ns.apply(again))[0]).to.not.have.property('madeTable');
    }
  });
});
