import { expect } from 'chai';
import type { LinkAdd, LinkFact, Ns, Step, VlanRange } from '../../../lib/kernel/contract';
import { needs } from '../../support/needs';
import { pair, runScript, useNamespaces } from './support';

const filtering: LinkAdd = {
  op: 'link.add',
  ns: 'host',
  name: 'cni0',
  link: { kind: 'bridge', vlanFiltering: true },
  up: true,
  ifExists: 'keep',
};
const port: Step = { ...(pair as LinkAdd), master: 'cni0' };
const other: Step = {
  ...(port as LinkAdd),
  name: 'vethb',
  mac: '0a:00:00:00:00:03',
  link: { kind: 'veth', peer: { ns: 'pod', name: 'eth1' } },
};
const add = (...vlans: VlanRange[]): Step => ({ op: 'bridge.vlan.add', ns: 'host', link: 'vetha', vlans });
const remove = (...vlans: VlanRange[]): Step => ({ op: 'bridge.vlan.delete', ns: 'host', link: 'vetha', vlans });
const one = (id: number): VlanRange => ({ from: id, to: id });
const preset: VlanRange = { ...one(1), pvid: true, untagged: true };

describe('VLANs of a port', () => {
  needs('vlan filtering', 'dummy');
  const ns = useNamespaces();

  beforeEach(() => ns.apply(filtering, port));

  const vlans = (link = 'vetha', where: Ns = 'host') => ns.ask({ query: 'vlans', ns: where, link });

  /** What `bridge vlan show` says of a link. */
  async function shown(link = 'vetha', where: Ns = 'host'): Promise<VlanRange[]> {
    const said = JSON.parse(await ns.run(where, 'bridge', '-json', '-compressvlans', 'vlan', 'show', 'dev', link));
    // biome-ignore lint/suspicious/noExplicitAny: the shape of iproute2's output is its own
    return (said[0]?.vlans ?? []).map(({ vlan, vlanEnd = vlan, flags = [] }: any) => ({
      from: vlan,
      to: vlanEnd,
      ...(flags.includes('PVID') ? { pvid: true } : {}),
      ...(flags.includes('Egress Untagged') ? { untagged: true } : {}),
    }));
  }

  /** The port's VLANs, which both sides must see alike. */
  async function agreed(link = 'vetha', where: Ns = 'host'): Promise<VlanRange[]> {
    const seen = await vlans(link, where);
    expect(seen).to.deep.equal(await shown(link, where));
    return seen;
  }

  /** How much the kernel says when it is asked for them. */
  async function bytesRead(): Promise<number> {
    const ask = [ns.where, [{ query: 'vlans', ns: 'host', link: 'vetha' }]].map((argument) => JSON.stringify(argument));
    const { stderr } = await runScript(
      'load(process.argv[1]).observe(...process.argv.slice(2).map((text) => JSON.parse(text)))',
      ask,
      ['strace', '-f', '-e', 'trace=recvfrom'],
    );
    const sizes = [...stderr.matchAll(/recvfrom.* = (\d+)$/gm)].map(([, size]) => Number(size));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  it('are the default one of its bridge, to begin with', async () => {
    const made = (await ns.ask({ query: 'link', ns: 'host', name: 'cni0' })) as LinkFact;
    expect(made.bridge).to.deep.equal({ vlanFiltering: true, defaultPvid: 1 });
    expect(await agreed()).to.deep.equal([preset]);
  });

  for (const pvid of [0, 5]) {
    it(`begin with ${pvid || 'none'} where the bridge's default is ${pvid}`, async () => {
      await ns.run('host', 'ip', 'link', 'set', 'cni0', 'type', 'bridge', 'vlan_default_pvid', String(pvid));
      const made = (await ns.ask({ query: 'link', ns: 'host', name: 'cni0' })) as LinkFact;
      expect(made.bridge?.defaultPvid).to.equal(pvid);
      expect(await agreed()).to.deep.equal(pvid === 0 ? [] : [{ ...preset, ...one(pvid) }]);
    });
  }

  it('are added singly and in ranges, with their flags, all by one step of the run that makes the port', async () => {
    await ns.apply({ op: 'link.delete', ns: 'host', name: 'vetha', ifMissing: 'fail' });
    const wanted = [
      { ...one(100), pvid: true, untagged: true },
      { ...one(7), untagged: true },
      one(9),
      { from: 200, to: 300 },
    ];
    const [, added] = await ns.apply(port, add(...wanted));
    expect(added?.did).to.equal('created');
    expect(await agreed()).to.deep.equal([
      { ...one(1), untagged: true },
      { ...one(7), untagged: true },
      one(9),
      { ...one(100), pvid: true, untagged: true },
      { from: 200, to: 300 },
    ]);
  });

  it('can be all that there are, and taken away again', async () => {
    const outcomes = await ns.apply(remove(one(1)), add({ from: 1, to: 4094 }));
    expect(outcomes.map(({ did }) => did)).to.deep.equal(['deleted', 'created']);
    expect(await agreed()).to.deep.equal([{ from: 1, to: 4094 }]);
    await ns.apply(remove({ from: 10, to: 4000 }));
    expect(await agreed()).to.deep.equal([
      { from: 1, to: 9 },
      { from: 4001, to: 4094 },
    ]);
    await ns.apply(remove({ from: 1, to: 4094 }));
    expect(await agreed()).to.deep.equal([]);
  });

  it('may be more ranges than one message holds', async () => {
    const odd = Array.from({ length: 2047 }, (_, i) => one(2 * i + 1));
    await ns.apply(add(...odd));
    expect(await agreed()).to.deep.equal([{ ...one(1) }, ...odd.slice(1)]);
    await ns.apply(remove(...odd));
    expect(await agreed()).to.deep.equal([]);
  });

  it('get other flags by being added again', async () => {
    const outcomes = await ns.apply(
      add({ ...one(100), pvid: true, untagged: true }),
      add({ ...one(100), pvid: true, untagged: true }),
      add({ ...one(100), untagged: true }, one(101)),
      add({ from: 100, to: 101 }),
    );
    expect(outcomes.map(({ did }) => did)).to.deep.equal(['created', 'kept', 'changed', 'changed']);
    expect(await agreed()).to.deep.equal([
      { ...one(1), untagged: true },
      { from: 100, to: 101 },
    ]);
  });

  it('are told in as few ranges as can be, whoever added them', async () => {
    for (const vid of [12, 10, 11]) await ns.run('host', 'bridge', 'vlan', 'add', 'vid', `${vid}`, 'dev', 'vetha');
    await ns.run('host', 'bridge', 'vlan', 'set', 'vid', '11', 'dev', 'vetha', 'state', 'blocking');
    await ns.apply(add(one(13), { ...one(14), untagged: true }));
    expect(await vlans()).to.deep.equal([preset, { from: 10, to: 13 }, { ...one(14), untagged: true }]);
  });

  it('are taken away where they are, and otherwise left out', async () => {
    const outcomes = await ns.apply(remove(one(1)), remove(one(1)), remove({ from: 2, to: 4094 }), remove());
    expect(outcomes.map(({ did }) => did)).to.deep.equal(['deleted', 'kept', 'kept', 'kept']);
    expect(await agreed()).to.deep.equal([]);
  });

  it("are its own, and no other port's nor the bridge's", async () => {
    await ns.apply(other, add({ from: 20, to: 29 }), remove(one(1)));
    expect(await agreed()).to.deep.equal([{ from: 20, to: 29 }]);
    expect(await agreed('vethb')).to.deep.equal([preset]);
    expect(await shown('cni0')).to.deep.equal([preset]);
    expect(await vlans('cni0')).to.deep.equal([]);
  });

  it("are those of the pod's own bridge, where that is asked", async () => {
    const inPod = { ns: 'pod', link: 'eth0' } as const;
    await ns.apply({ ...filtering, ns: 'pod' });
    await ns.run('pod', 'ip', 'link', 'set', 'eth0', 'master', 'cni0');
    const wanted = { ...one(30), pvid: true };
    await ns.apply({ op: 'bridge.vlan.add', ...inPod, vlans: [wanted] });
    await ns.apply({ op: 'bridge.vlan.delete', ...inPod, vlans: [one(1)] });
    expect(await agreed('eth0', 'pod')).to.deep.equal([wanted]);
    expect(await agreed()).to.deep.equal([preset]);
  });

  it('are none of a link that is no port, even beside a bridge that has them', async () => {
    await ns.run('host', 'ip', 'link', 'set', 'vetha', 'nomaster');
    expect(await vlans()).to.deep.equal([]);
    for (const step of [add(one(5)), remove(one(1))]) {
      const { faults } = await ns.attempt(step);
      expect(faults[0]).to.include({ errno: 'EOPNOTSUPP', message: 'link "vetha" is no port of a bridge' });
    }
  });

  it('can be chosen before the bridge filters them', async () => {
    await ns.run('host', 'ip', 'link', 'set', 'cni0', 'type', 'bridge', 'vlan_filtering', '0');
    await ns.apply(add(one(5)));
    expect(await agreed()).to.deep.equal([preset, one(5)]);
  });

  it('are asked of one port: as much is read, however many there are', async () => {
    const before = await bytesRead();
    expect(before).to.be.above(0);
    const commands = Array.from({ length: 20 }, (_, i) => `link add p${i} master cni0 type dummy`);
    await ns.run('host', 'sh', '-c', `ip -batch - <<END\n${commands.join('\n')}\nEND`);
    expect(await bytesRead()).to.equal(before);
  });
});
