import { expect } from 'chai';
import { footprintOf, removalOf } from '../../../../lib/plugin/footprint';
import { portmap } from '../../../../lib/plugins/portmap/portmap';
import { linkFact } from '../../facts';
import {
  batchOf,
  type Case,
  contextOf,
  elementsOf,
  errorOf,
  heldBy,
  onlyIPv4,
  owner,
  planOf,
  prevResult,
  sharedOf,
  web,
} from './cases';

const dns = { hostPort: 53, containerPort: 5353, protocol: 'udp' };

describe('the plan of portmap', () => {
  it('maps a port in each family that the pod has an address in', () => {
    expect(elementsOf({ mappings: [web] })).to.deep.equal({
      any_v4: ['tcp . 8080 : 10.1.2.3 . 80'],
      any_v6: ['tcp . 8080 : fd00::3 . 80'],
      masq_v4_24: ['10.1.2.0 . 10.1.2.3 . tcp . 8080'],
      masq_v4_8: ['127.0.0.0 . 10.1.2.3 . tcp . 8080'],
      masq_v6_64: ['fd00:: . fd00::3 . tcp . 8080'],
    });
  });

  it('maps a port of one address, or of all in its family', () => {
    const mapped = (hostIP: string) => Object.keys(elementsOf({ mappings: [{ ...web, hostIP }] })).slice(0, 1);
    expect(elementsOf({ mappings: [{ ...web, hostIP: '192.0.2.1' }] }).at_v4).to.deep.equal([
      '192.0.2.1 . tcp . 8080 : 10.1.2.3 . 80',
    ]);
    expect(mapped('2001:db8::1')).to.deep.equal(['at_v6']);
    expect(mapped('0.0.0.0')).to.deep.equal(['any_v4']);
    expect(mapped('::')).to.deep.equal(['any_v6']);
  });

  it('leads to the first address of a family that is on the interface in question', () => {
    const ips = [
      { address: '10.9.9.9/24', interface: 0 },
      { address: '10.1.2.3/24', interface: 2 },
      { address: '10.1.2.4/24', interface: 2 },
    ];
    expect(elementsOf({ mappings: [web], prevResult: { ...prevResult, ips } }).any_v4).to.deep.equal([
      'tcp . 8080 : 10.1.2.3 . 80',
    ]);
  });

  it('masquerades nobody without snat, and everybody with masqAll', () => {
    const sets = (config: Record<string, unknown>) =>
      Object.keys(elementsOf({ mappings: [web], config, prevResult: onlyIPv4 }));
    expect(sets({ snat: false })).to.deep.equal(['any_v4']);
    expect(sets({ snat: false, masqAll: true })).to.deep.equal(['any_v4']);
    expect(sets({ masqAll: true })).to.deep.equal(['any_v4', 'masq_v4_0']);
  });

  it('ends flows of UDP that lead elsewhere, and on removal those that the pod has answered', () => {
    const { steps } = planOf({ mappings: [web, dns], prevResult: onlyIPv4 });
    const flow = { protocol: 'udp', family: 'ip', port: 53 };
    expect(steps.at(-1)).to.deep.equal({
      op: 'conntrack.flush',
      ns: 'host',
      flows: [{ ...flow, notAnsweredBy: '10.1.2.3' }],
    });
    expect(removalOf(footprintOf(steps)).at(-1)).to.deep.equal({
      op: 'conntrack.flush',
      ns: 'host',
      flows: [{ ...flow, answeredBy: '10.1.2.3' }],
    });
    expect(planOf({ mappings: [web] }).steps.map(({ op }) => op)).to.deep.equal(['nft.batch']);
  });

  it('says whose each element is, and takes none that is another pod’s', () => {
    for (const { set, comment, ifTaken } of batchOf({ mappings: [web] }).add ?? []) {
      expect(comment).to.equal(owner);
      expect(ifTaken).to.equal(set.startsWith('any_') ? 'fail' : undefined);
    }
  });

  it('hands prevResult on', () => {
    expect(planOf({ mappings: [web] }).result([])).to.deep.equal(prevResult);
  });

  it('warns of a mapping that leads nowhere', () => {
    const mappings = [web, { ...web, hostIP: '2001:db8::1' }];
    expect(planOf({ mappings, prevResult: onlyIPv4 }).warnings).to.deep.equal([
      'host port 8080/tcp of 2001:db8::1 leads nowhere: the pod has no address of that family',
    ]);
    expect(planOf({ mappings }).warnings).to.deep.equal([]);
  });

  it('is the same table whatever is mapped, with sets for each length of a prefix', () => {
    const { sets = [], chains = [] } = batchOf({ mappings: [web], prevResult: onlyIPv4 }).ensure ?? {};
    expect(chains.map(({ name, hook }) => [name, hook?.priority])).to.deep.equal([
      ['prerouting', -95],
      ['output', -95],
      ['postrouting', 110],
      ['input', -5],
      ['conditional', undefined],
      ['hostports', undefined],
    ]);
    expect(sets.map(({ name }) => name)).to.deep.equal([
      'services_v4',
      'services_v6',
      'at_v4',
      'any_v4',
      'at_v6',
      'any_v6',
      'masq_v4_24',
      'masq_v4_8',
    ]);
  });
});

describe('what portmap asks', () => {
  const asked = (known: Case['facts'] = {}) => Object.keys(portmap.facts(contextOf({ mappings: [web] }), known));

  it('is asked at once where the way to the pod is by a link that prevResult names', () => {
    expect(asked()).to.include.members(['held any_v4', 'way', 'localnet cni0', 'link veth1']);
    expect(asked({ way: { link: 'cni0', type: 1 } })).to.deep.equal(asked());
  });

  it('is asked of another link once that is known to be the way', () => {
    expect(asked({ way: { link: 'tun0', type: 1 } })).to.deep.equal([...asked(), 'localnet tun0']);
  });
});

describe('what portmap shares', () => {
  it('is nothing where all is as it should be', () => {
    expect(sharedOf({ mappings: [web] })).to.deep.equal([]);
  });

  it('lets 127.0.0.1 through to the pod, behind the guard', () => {
    const steps = sharedOf({ mappings: [web], facts: { 'localnet cni0': '0' } });
    expect(steps.map(({ op }) => op)).to.deep.equal(['nft.batch', 'sysctl.set']);
    expect(steps[1]).to.include({ key: 'net/ipv4/conf/cni0/route_localnet', value: '1' });
    const opened = (config: Record<string, unknown>) =>
      portmap.facts({ ...contextOf({ mappings: [web], config }) }, {});
    expect(opened({})).to.include.keys('way');
    expect(opened({ snat: false })).not.to.include.keys('way');
    const onlyIPv6 = { ...web, hostIP: '2001:db8::1' };
    expect(portmap.facts(contextOf({ mappings: [onlyIPv6] }), {})).not.to.include.keys('way');
  });

  it('is opened to nobody where the way to the pod is unknown, or leads to the host itself', () => {
    for (const way of [null, { link: 'lo', type: 2 }])
      expect(sharedOf({ mappings: [web], facts: { way, 'localnet cni0': '0', 'localnet lo': '0' } })).to.deep.equal([]);
  });

  it('follows the addresses of services', () => {
    const addr = (address: string) => ({ address, scope: 'global', tentative: false, dadFailed: false });
    const services = [addr('10.96.0.1/32'), addr('10.96.0.2/32'), addr('fd00:96::1/128')];
    const facts = {
      services,
      servicesKnown: [
        { key: '10.96.0.1', comment: '' },
        { key: '10.96.0.9', comment: '' },
      ],
    };
    const [step] = sharedOf({ mappings: [web], facts });
    expect(step).to.deep.include({
      add: [
        { set: 'services_v4', keys: ['10.96.0.2'] },
        { set: 'services_v6', keys: ['fd00:96::1'] },
      ],
      remove: [{ set: 'services_v4', keys: ['10.96.0.9'] }],
    });
  });
});

describe('a port of a bridge whose frames pass through iptables', () => {
  const port = linkFact({
    name: 'veth1',
    kind: 'veth',
    port: { hairpin: false, isolated: false, state: 'forwarding' },
  });
  const facts = { bridgeNf: '1', 'link veth1': port };

  it('is made a hairpin', () => {
    expect(planOf({ mappings: [web], facts }).steps[0]).to.deep.equal({
      op: 'link.set',
      ns: 'host',
      name: 'veth1',
      hairpin: true,
    });
  });

  it('stays as it is without snat, without br_netfilter, and where it is one', () => {
    const hairpin = { ...port, port: { hairpin: true, isolated: false, state: 'forwarding' as const } };
    for (const given of [
      { facts, config: { snat: false } },
      { facts: { ...facts, bridgeNf: '0' } },
      { facts: { ...facts, 'link veth1': hairpin } },
    ])
      expect(planOf({ mappings: [web], ...given }).steps[0]?.op).to.equal('nft.batch');
  });
});

describe('a port that is taken', () => {
  const refusal = (comment: string | null, mapping = {}) =>
    errorOf(() =>
      portmap.refuse?.(contextOf({ mappings: [{ ...web, ...mapping }], facts: { 'held any_v4': heldBy(comment) } })),
    );

  it('is refused with the name of the holder', () => {
    expect(refusal('c9 eth0 pods')).to.deep.equal({
      code: 999,
      msg: 'host port 8080/tcp is taken',
      details: 'it leads to container c9 (eth0, network pods)',
    });
    expect(refusal('')?.details).to.equal('it leads to somebody who left no name');
  });

  it('is no other’s if it is nobody’s, or our own', () => {
    expect(refusal(null)).to.equal(undefined);
    expect(refusal(owner)).to.equal(undefined);
  });
});
