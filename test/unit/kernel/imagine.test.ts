import { expect } from 'chai';
import type { LinkFact, Query, Step } from '../../../lib/kernel/contract';
import { imagine, imaginedOutcomes } from '../../../lib/kernel/imagine';
import { addrFact } from '../facts';

const link = (ns: 'host' | 'pod', name: string): Query => ({ query: 'link', ns, name });
const bridge: Step = {
  op: 'link.add',
  ns: 'host',
  name: 'br0',
  mac: '02:00:00:00:00:01',
  link: { kind: 'bridge', vlanFiltering: true },
  ifExists: 'keep',
};
const peer = { ns: 'pod', name: 'eth0', mac: '02:00:00:00:00:03' } as const;
const pair: Step = { ...bridge, name: 'veth0', mac: '02:00:00:00:00:02', mtu: 1400, link: { kind: 'veth', peer } };
const up: Step = { op: 'link.set', ns: 'host', name: 'br0', up: true, promisc: true, noLinkLocalLearn: true };
const gone: Step = { op: 'link.delete', ns: 'host', name: 'br0', ifMissing: 'keep' };

describe('what a query will be answered after steps', () => {
  it('has a link that is made, as it is then set, until it is deleted', () => {
    const made = imagine(link('host', 'br0'), null, [bridge, up]) as LinkFact;
    expect(made).to.include({ kind: 'bridge', mac: '02:00:00:00:00:01', mtu: 1500, up: true, promiscFlag: true });
    expect(made.bridge).to.deep.equal({ vlanFiltering: true, defaultPvid: 1, noLinkLocalLearn: true });
    expect(imagine(link('host', 'br0'), null, [bridge, up, gone])).to.equal(null);
  });

  it('leaves a link that is there, and one that is somebody else has made', () => {
    const there = { name: 'br0', mac: '02:00:00:00:00:09' } as LinkFact;
    expect(imagine(link('host', 'br0'), there, [bridge])).to.equal(there);
    expect(imagine(link('host', 'br0'), there, [{ ...gone, mac: '02:00:00:00:00:01' }])).to.equal(there);
  });

  it('is about one namespace', () => {
    expect(imagine(link('pod', 'br0'), null, [bridge, up])).to.equal(null);
  });

  it('has addresses that are added and deleted, each once', () => {
    const query: Query = { query: 'addrs', ns: 'host', link: 'br0' };
    const add: Step = { op: 'addr.add', ns: 'host', link: 'br0', address: '10.1.2.1/24', ifExists: 'keep' };
    const remove: Step = { op: 'addr.delete', ns: 'host', link: 'br0', address: '10.9.9.9/24', ifMissing: 'keep' };
    expect(imagine(query, [addrFact('10.9.9.9/24')], [remove, add, add])).to.deep.equal([addrFact('10.1.2.1/24')]);
    expect(imagine(query, [addrFact('10.1.2.1/24')], [gone])).to.deep.equal([]);
    expect(imagine({ ...query, link: 'br1' }, [], [add])).to.deep.equal([]);
  });

  it('has the address that the kernel gives to lo when that goes up', () => {
    const lo: Step = { op: 'link.set', ns: 'pod', name: 'lo', up: true };
    expect(imagine({ query: 'addrs', ns: 'pod', link: 'lo' }, [], [lo])).to.deep.equal([addrFact('127.0.0.1/8')]);
  });

  it('has the value of a sysctl, where there is such a one', () => {
    const query: Query = { query: 'sysctl', ns: 'host', key: 'net/ipv4/ip_forward' };
    const set: Step = { op: 'sysctl.set', ns: 'host', key: 'net/ipv4/ip_forward', value: '1', ifMissing: 'keep' };
    expect(imagine(query, '0', [set])).to.equal('1');
    expect(imagine(query, null, [set])).to.equal(null);
    expect(imagine({ ...query, key: 'net/ipv6/conf/all/forwarding' }, '0', [set])).to.equal('0');
  });

  it('has the VLANs that a port is put into and taken out of', () => {
    const query: Query = { query: 'vlans', ns: 'host', link: 'veth0' };
    const vlans = [{ from: 100, to: 100, pvid: true, untagged: true }];
    const steps: Step[] = [
      { op: 'bridge.vlan.delete', ns: 'host', link: 'veth0', vlans: [{ from: 1, to: 1 }] },
      { op: 'bridge.vlan.add', ns: 'host', link: 'veth0', vlans },
    ];
    expect(imagine(query, [{ from: 1, to: 1 }], steps)).to.deep.equal(vlans);
  });

  it('is what it was for a question that no step changes the answer to', () => {
    const query: Query = { query: 'nft.sets', ns: 'host', family: 'inet', table: 'trestle_masquerade' };
    expect(imagine(query, null, [bridge])).to.equal(null);
  });
});

describe('imagined outcomes', () => {
  it('tell what a result needs of a pair that is made', () => {
    expect(imaginedOutcomes([pair, up])).to.deep.equal([
      {
        did: 'created',
        us: 0,
        mac: '02:00:00:00:00:02',
        mtu: 1400,
        peer: { ifindex: 0, mac: '02:00:00:00:00:03', mtu: 1400 },
      },
      { did: 'changed', us: 0 },
    ]);
  });
});
