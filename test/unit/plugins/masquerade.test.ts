import { expect } from 'chai';
import {
  elementQueries,
  masquerade,
  masqueradeDebris,
  masqueradeTrial,
  unmasquerade,
} from '../../../lib/plugins/masquerade';

const setsOf = (network: string, ...addresses: string[]) =>
  masquerade(network, 'c1', 'eth0', addresses).ensure?.sets.map(({ name }) => name) ?? [];

describe('masquerading', () => {
  it('uses one set and one rule for a network and subnet, however many addresses', () => {
    const { ensure, add } = masquerade('net', 'c1', 'eth0', ['10.1.2.3/24', '10.1.2.4/24']);
    expect(ensure?.sets).to.have.length(1);
    expect(ensure?.rules).to.have.length(1);
    expect(add?.flatMap(({ keys }) => keys)).to.deep.equal(['10.1.2.3', '10.1.2.4']);
  });

  it('uses a set of its own for each subnet, family and network', () => {
    const all = [...setsOf('a', '10.1.2.3/24', '10.1.3.3/24', 'fd00::3/64'), ...setsOf('b', '10.1.2.3/24')];
    expect(new Set(all).size).to.equal(4);
  });

  it('uses one set for all addresses without a subnet, and spares none of them', () => {
    const exprs = masquerade('net', 'c1', 'eth0', ['10.5.0.9/32']).ensure?.rules[0]?.exprs;
    expect(setsOf('net', '10.5.0.9/32', '10.6.0.9/32', 'fd00::9/128', 'fd00::8/128')).to.have.length(2);
    expect(exprs?.filter(({ expr }) => expr === 'bitwise')).to.have.length(1);
  });

  it('tells networks apart whose names begin alike, within what the kernel takes for a name', () => {
    const long = 'n'.repeat(200);
    const [a, b] = [setsOf(`${long}a`, '10.1.2.3/24')[0], setsOf(`${long}b`, '10.1.2.3/24')[0]];
    expect(a).not.to.equal(b);
    expect(a?.length).to.be.lessThan(256);
  });

  it('excludes the subnet by its prefix and multicast', () => {
    const exprs = masquerade('net', 'c1', 'eth0', ['10.1.2.3/20']).ensure?.rules[0]?.exprs ?? [];
    expect(exprs).to.deep.include({ expr: 'bitwise', sreg: 1, dreg: 1, length: 4, mask: 'fffff000', xor: '00000000' });
    expect(exprs).to.deep.include({ expr: 'cmp', sreg: 1, op: 'neq', data: '0a010000' });
    expect(exprs).to.deep.include({ expr: 'cmp', sreg: 1, op: 'neq', data: 'e0000000' });
  });

  it('takes out of the very sets that it put into', () => {
    const addresses = ['10.1.2.3/24', 'fd00::3/64'];
    expect(unmasquerade('net', 'c1', 'eth0', addresses).remove).to.deep.equal(
      masquerade('net', 'c1', 'eth0', addresses).add,
    );
  });

  it('is tried by STATUS for both families, at the same place', () => {
    const { ensure } = masquerade('net', 'c1', 'eth0', ['10.1.2.3/24']);
    const trial = masqueradeTrial();
    expect(trial).to.deep.include({ query: 'nft.trial', family: 'inet', table: 'trestle_masquerade' });
    const tried = trial.query === 'nft.trial' ? trial.ensure : undefined;
    expect(tried?.chains).to.deep.equal(ensure?.chains);
    expect(tried?.sets.map(({ key }) => key)).to.deep.equal(['ipv4_addr', 'ipv6_addr']);
    expect(tried?.rules.map(({ exprs }) => exprs.at(-1))).to.deep.equal([{ expr: 'masq' }, { expr: 'masq' }]);
  });

  it('is at a priority of its own, neither -100 nor 100', () => {
    expect(masquerade('net', 'c1', 'eth0', ['10.1.2.3/24']).ensure?.chains[0]?.hook?.priority).to.equal(105);
  });
});

describe('the garbage collection of masquerading', () => {
  it("asks for the network's own sets only", () => {
    const long = 'n'.repeat(199);
    const networks = ['net', 'net2', `${long}a`, `${long}b`];
    const sets = networks.map(
      (name) => masquerade(name, 'c1', 'eth0', ['10.1.2.3/24', 'fd00::3/128']).ensure?.sets ?? [],
    );
    const facts = [
      ...sets.flat(),
      { name: 'pods_net_a', comment: '' },
      { name: 'x', comment: 'subnet x of network net' },
    ];
    for (const [index, network] of networks.entries())
      expect(Object.keys(elementQueries(network, facts))).to.deep.equal(sets[index]?.map(({ name }) => name));
    expect(elementQueries('net', null)).to.deep.equal({});
  });

  it('tells whose an element is, and leaves alone what does not say', () => {
    const elements = [
      { key: '10.1.2.3', comment: 'c1 eth0' },
      { key: '10.1.2.4', comment: '' },
      { key: '10.1.2.5', comment: `${'c'.repeat(130)} eth0`.slice(0, 127) },
    ];
    expect(masqueradeDebris('s', elements).map(({ containerId, ifname }) => [containerId, ifname])).to.deep.equal([
      ['c1', 'eth0'],
    ]);
  });
});
