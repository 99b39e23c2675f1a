import { expect } from 'chai';
import type { Step } from '../../../lib/kernel/contract';
import { expectationsOf } from '../../../lib/kernel/expectations';
import { addrFact, linkFact, routeFact } from '../facts';

const link = linkFact({
  name: 'v',
  kind: 'veth',
  peer: 2,
  peerNetnsId: 0,
  port: { hairpin: false, isolated: false, state: 'forwarding' },
});
const route = routeFact('0.0.0.0/0', { gw: '10.0.0.1' });
const addr = addrFact('10.0.0.2/24');

/** What is wrong when each of the step's questions is answered with `fact`. */
const findings = (step: Step, fact: unknown): string[] =>
  expectationsOf(step).flatMap(({ differs }) => differs(fact as never));

const pair: Step = {
  op: 'link.add',
  ns: 'host',
  name: 'v',
  mac: link.mac,
  mtu: 1500,
  up: true,
  link: { kind: 'veth', peer: { ns: 'pod', name: 'eth0', mac: link.mac } },
  ifExists: 'fail',
};

describe('what CHECK expects of a step', () => {
  it('is met by what the step made', () => {
    expect(findings(pair, link)).to.deep.equal([]);
    expect(
      findings({ op: 'addr.add', ns: 'pod', link: 'eth0', address: '10.0.0.2/24', ifExists: 'keep' }, [addr]),
    ).to.deep.equal([]);
    expect(
      findings({ op: 'route.add', ns: 'pod', link: 'eth0', dst: '0.0.0.0/0', gw: '10.0.0.1', ifExists: 'keep' }, [
        route,
      ]),
    ).to.deep.equal([]);
  });

  it('names the object, what it has and what was promised', () => {
    expect(findings(pair, null)).to.include('v on the host is missing').and.to.include('eth0 in the pod is missing');
    expect(findings(pair, { ...link, kind: 'dummy' })).to.include('v on the host is not a veth but a dummy');
    expect(findings(pair, { ...link, mac: '02:00:00:00:00:09' })).to.include(
      'v on the host has MAC 02:00:00:00:00:09, expected 02:00:00:00:00:01',
    );
    expect(findings(pair, { ...link, mtu: 1400 })).to.include('v on the host has MTU 1400, expected 1500');
    expect(findings(pair, { ...link, up: false })).to.deep.equal(['v on the host is down']);
  });

  it('names all that is wrong with a link, and not only the first', () => {
    expect(findings(pair, { ...link, mac: '02:00:00:00:00:09', mtu: 1400, up: false })).to.deep.equal([
      'v on the host has MAC 02:00:00:00:00:09, expected 02:00:00:00:00:01',
      'v on the host has MTU 1400, expected 1500',
      'v on the host is down',
      'eth0 in the pod has MAC 02:00:00:00:00:09, expected 02:00:00:00:00:01',
    ]);
    const step: Step = { op: 'link.set', ns: 'host', name: 'v', up: true, promisc: true };
    expect(findings(step, { ...link, up: false })).to.deep.equal([
      'v on the host is down',
      'v on the host has promisc false, expected true',
    ]);
  });

  it('sees a port that is no longer what it was set to, or no port at all', () => {
    const step: Step = { op: 'link.set', ns: 'host', name: 'v', hairpin: true, isolated: false, alias: 'anything' };
    for (const port of [link.port, undefined]) {
      expect(findings(step, { ...link, port })).to.deep.equal(['v on the host has hairpin false, expected true']);
    }
  });

  it('sees an address with another prefix length, and one that failed duplicate address detection', () => {
    const step: Step = { op: 'addr.add', ns: 'pod', link: 'eth0', address: '10.0.0.2/24', ifExists: 'keep' };
    const others = [
      { ...addr, address: '10.0.0.2/16' },
      { ...addr, address: '10.0.0.3/24' },
      { ...addr, address: 'fd00::2/64' },
      { ...addr, address: '169.254.1.1/16', scope: 'link' },
    ];
    expect(findings(step, [])).to.deep.equal(['eth0 in the pod has no address 10.0.0.2/24']);
    expect(findings(step, others)).to.deep.equal([
      'eth0 in the pod has no address 10.0.0.2/24, only 10.0.0.2/16 and 10.0.0.3/24',
    ]);
    expect(findings(step, [{ ...addr, dadFailed: true }])).to.deep.equal([
      'eth0 in the pod has address 10.0.0.2/24, which failed duplicate address detection',
    ]);
  });

  it('compares addresses and not their texts', () => {
    const step: Step = { op: 'addr.add', ns: 'pod', link: 'eth0', address: 'fd00:0:0::2/64', ifExists: 'keep' };
    expect(findings(step, [{ ...addr, address: 'fd00::2/64' }])).to.deep.equal([]);
  });

  it('sees a route that goes another way, is in another table or of another metric', () => {
    const step: Step = {
      op: 'route.add',
      ns: 'pod',
      link: 'eth0',
      dst: '0.0.0.0/0',
      gw: '10.0.0.1',
      priority: 5,
      mtu: 1400,
      ifExists: 'keep',
    };
    const good = { ...route, priority: 5, mtu: 1400 };
    expect(findings(step, [good])).to.deep.equal([]);
    for (const bad of [{ gw: '10.0.0.9' }, { table: 100 }, { priority: 6 }, { mtu: null }, { dst: '10.0.0.0/8' }]) {
      expect(findings(step, [{ ...good, ...bad }])).to.deep.equal([
        'eth0 in the pod has no route 0.0.0.0/0 via 10.0.0.1 metric 5 mtu 1400',
      ]);
    }
  });

  it('sees another scope of an IPv4 route that was asked for one, and a gateway where the link itself was', () => {
    const step: Step = { op: 'route.add', ns: 'pod', link: 'eth0', dst: '10.7.0.0/16', scope: 253, ifExists: 'fail' };
    const onLink = { ...route, dst: '10.7.0.0/16', gw: null, scope: 253 };
    expect(findings(step, [onLink])).to.deep.equal([]);
    for (const bad of [{ scope: 0 }, { gw: '10.0.0.1' }]) {
      expect(findings(step, [{ ...onLink, ...bad }])).to.deep.equal([
        'eth0 in the pod has no route 10.7.0.0/16 scope 253',
      ]);
    }
  });

  it('asks no scope of an IPv6 route, which has none', () => {
    const step: Step = { op: 'route.add', ns: 'pod', link: 'eth0', dst: 'fd01::/64', scope: 253, ifExists: 'fail' };
    expect(findings(step, [{ ...route, dst: 'fd01::/64', gw: null, scope: 0 }])).to.deep.equal([]);
  });

  it('sees a missing element and a missing rule', () => {
    const step: Step = {
      op: 'nft.batch',
      ns: 'host',
      family: 'inet',
      table: 't',
      ensure: { comment: '', chains: [], sets: [], rules: [{ chain: 'c', comment: 'r', exprs: [] }] },
      add: [{ set: 's', keys: ['10.0.0.2'] }],
    };
    const nothing = (query: string) => (query === 'nft.rules' ? null : [null]) as never;
    expect(expectationsOf(step).flatMap(({ query, differs }) => differs(nothing(query.query)))).to.deep.equal([
      'nftables chain inet t c has no rule "r"',
      'nftables set inet t s lacks 10.0.0.2',
    ]);
    expect(findings(step, [{ comment: 'r', key: '10.0.0.2' }])).to.deep.equal([]);
  });

  it("sees an element that has become another's, and leaves one that names nobody", () => {
    const keys = ['10.0.0.2', 'veth1'];
    const step: Step = {
      op: 'nft.batch',
      ns: 'host',
      family: 'inet',
      table: 't',
      add: [{ set: 's', keys, comment: 'c1 eth0' }],
    };
    const marked = (comment: string) => keys.map((key) => ({ key, comment }));
    for (const comment of ['c1 eth0', '']) expect(findings(step, marked(comment))).to.deep.equal([]);
    expect(findings(step, marked('c2 eth0'))).to.deep.equal([
      'nftables set inet t s has 10.0.0.2 for "c2 eth0", expected "c1 eth0"',
      'nftables set inet t s has veth1 for "c2 eth0", expected "c1 eth0"',
    ]);
  });

  it('sees an element of a map that leads elsewhere', () => {
    const [set, keys, data] = ['m', ['tcp . 8080'], '10.1.2.3 . 80'];
    const step: Step = { op: 'nft.batch', ns: 'host', family: 'inet', table: 't', add: [{ set, keys, data }] };
    const leading = (to: string) => findings(step, [{ key: 'tcp . 8080', data: to, comment: '' }]);
    expect(leading(data)).to.deep.equal([]);
    expect(leading('10.1.2.4 . 80')).to.deep.equal([
      'nftables set inet t m has tcp . 8080 leading to 10.1.2.4 . 80, expected 10.1.2.3 . 80',
    ]);
  });

  it('is nothing for what others may change', () => {
    const free: Step[] = [
      { op: 'sysctl.set', ns: 'pod', key: 'k', value: '1', ifMissing: 'keep' },
      { op: 'link.wait', ns: 'host', name: 'v', timeoutMs: 1 },
      { op: 'link.announce', ns: 'pod', name: 'v' },
    ];
    expect(free.flatMap(expectationsOf)).to.deep.equal([]);
  });
});
