import { expect } from 'chai';
import type { NftBatch } from '../../../lib/kernel/contract';
import { runScript, useNamespaces } from './support';

describe('nft.batch that drops a chain', () => {
  const ns = useNamespaces();
  const nft = (...commands: string[]) => ns.run('host', 'nft', commands.join('; '));
  const listing = async () =>
    (await ns.run('host', 'nft', 'list', 'table', 'ip', 'nat')).replaceAll(/\s+/g, ' ').trim();
  const drop = (...names: string[]): NftBatch => ({
    op: 'nft.batch',
    ns: 'host',
    family: 'ip',
    table: 'nat',
    drop: { sets: [], rules: [], chains: names.map((name) => ({ name, from: 'POSTROUTING' })) },
  });
  const base = 'type nat hook postrouting priority srcnat; policy accept;';
  const rule = (chain: string, text: string) => `add rule ip nat ${chain} ${text}`;

  beforeEach(() =>
    nft(
      'add table ip nat',
      `add chain ip nat POSTROUTING { ${base} }`,
      ...['one', 'two'].flatMap((chain) => [
        `add chain ip nat ${chain}`,
        rule(chain, 'ip daddr 10.1.2.0/24 counter accept'),
        rule(chain, 'counter masquerade'),
      ]),
    ),
  );

  it('drops the rules in it and those that jump or go to it, and no others', async () => {
    await nft(
      rule('POSTROUTING', 'ip saddr 10.1.2.2 jump one'),
      rule('POSTROUTING', 'ip saddr 10.1.2.3 jump two'),
      rule('POSTROUTING', 'ip saddr 10.1.2.4 goto one'),
      rule('POSTROUTING', 'accept comment "one"'),
    );
    const rules = await ns.ask({ query: 'nft.rules', ns: 'host', family: 'ip', table: 'nat', chain: 'POSTROUTING' });
    expect(rules?.map(({ jump }) => jump)).to.deep.equal(['one', 'two', 'one', undefined]);
    expect((await ns.apply(drop('one')))[0]?.did).to.equal('deleted');
    expect(await listing()).to.match(
      /^table ip nat { chain POSTROUTING { type .*; ip saddr 10\.1\.2\.3 jump two accept comment "one" } chain two { [^}]+ masquerade } }$/,
    );
    expect((await ns.apply(drop('one')))[0]?.did).to.equal('kept');
  });

  it('drops several at once, also one that nothing jumps to', async () => {
    await nft(rule('POSTROUTING', 'jump two'));
    await ns.apply(drop('one', 'two', 'three'));
    expect(await listing()).to.equal(`table ip nat { chain POSTROUTING { ${base} } }`);
  });

  it('has nothing to do without the table, and does not make one', async () => {
    await nft('delete table ip nat');
    expect((await ns.apply(drop('one')))[0]?.did).to.equal('kept');
    expect(await ns.run('host', 'nft', 'list', 'ruleset')).to.equal('');
  });

  it('changes nothing where another chain jumps to it, and says which chain is busy', async () => {
    await nft(rule('POSTROUTING', 'jump one'), rule('two', 'jump one'));
    const before = await listing();
    const { faults } = await ns.attempt(drop('one'));
    expect(faults[0]).to.include({ op: 'delete chain ip nat one', errno: 'EBUSY' });
    expect(await listing()).to.equal(before);
  });

  /** How a step ends where every such system call fails. */
  async function fatesWhere(calls: string, errno: string): Promise<string[]> {
    const script = `const steps = JSON.parse(process.argv[2]);
      Promise.all(steps.map((step) => load(process.argv[1]).apply({}, [step], 'stop'))).then((all) =>
        console.log(all.map(({ outcomes, faults }) => (faults[0] ? faults[0].errno : outcomes[0].did)).join()))`;
    const inject = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', `inject=${calls}:error=${errno}`];
    const { drop: _, ...nothing } = drop();
    const steps = [drop('one'), { ...nothing, ensure: { comment: '', chains: [], sets: [], rules: [] } }];
    const { stdout } = await runScript(script, [JSON.stringify(steps)], ['strace', ...inject]);
    return stdout.trim().split(',');
  }

  it('has nothing to do where the kernel has no nftables, in which nothing can be made', async () => {
    expect(await fatesWhere('socket', 'EPROTONOSUPPORT')).to.deep.equal(['kept', 'EPROTONOSUPPORT']);
    expect(await fatesWhere('sendmsg,sendto', 'EINVAL')).to.deep.equal(['kept', 'EINVAL']);
    expect(await fatesWhere('sendmsg,sendto', 'EPERM')).to.deep.equal(['EPERM', 'EPERM']);
  });

  it('succeeds though others drop the same, and change the chain before it all the time', async () => {
    for (let round = 0; round < 10; round++) {
      await nft('add chain ip nat one', ...Array(50).fill(rule('POSTROUTING', 'jump one')));
      const other = nft(rule('POSTROUTING', `ip saddr 10.9.0.${round} accept`));
      const drops = Array.from({ length: 20 }, () => ns.attempt(drop('one')));
      expect((await Promise.all(drops)).flatMap(({ faults }) => faults)).to.deep.equal([]);
      await other;
    }
    expect((await listing()).match(/ip saddr 10\.9\.0\.\d accept|chain one/g)).to.have.length(10);
  });
});
