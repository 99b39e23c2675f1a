import { expect } from 'chai';
import type { Answers } from '../../../../lib/kernel/contract';
import { hostEndName } from '../../../../lib/plugin/identity';
import { ownerIn, ownerText } from '../../../../lib/plugins/portmap/owner';
import { portmap } from '../../../../lib/plugins/portmap/portmap';
import { referenceChain } from '../../../../lib/plugins/portmap/reference';
import { type Case, contextOf, heldBy, identity, netns, onlyIPv4, owner, web } from './cases';

const asked = (given: Case, known: Record<string, Answers[keyof Answers]> = {}) =>
  Object.keys(portmap.facts(contextOf({ command: 'DEL', ...given }), known));
const removed = (given: Case) => portmap.del?.(contextOf({ command: 'DEL', ...given })) ?? [];

describe('a DEL of portmap without a record', () => {
  it('looks whether the ports are still its own, and into the maps only if one is', () => {
    const given = { mappings: [web], prevResult: null };
    expect(asked(given)).to.deep.equal(['held any_v4', 'held any_v6', 'legacy']);
    expect(asked(given, { 'held any_v4': heldBy(null), 'held any_v6': heldBy('c9 eth0 net') })).to.have.length(3);
    const mine = { 'held any_v4': heldBy(owner), 'held any_v6': heldBy(null) };
    expect(asked(given, mine)).to.deep.equal(['held any_v4', 'held any_v6', 'legacy', 'sets']);
    const sets = [{ name: 'any_v4', comment: '' }];
    expect(asked(given, { ...mine, sets })).to.include('in any_v4');
    expect(asked({})).to.deep.equal(['legacy']);
  });

  it('goes on with conditions that no ADD understands: it says so, and looks everywhere', () => {
    const given = { mappings: [web], config: { conditionsV4: ['-m', 'mark'] } };
    expect(asked(given)).to.deep.equal(['legacy', 'sets']);
    expect(removed(given)).not.to.deep.equal([]);
    expect(portmap.remains?.(contextOf({ command: 'DEL', ...given }))).to.have.length(1);
  });

  it('removes what is its own, wherever that is, and nothing else', () => {
    const facts = {
      'in any_v4': [
        { key: 'tcp . 8080', data: '10.1.2.3 . 80', comment: owner },
        { key: 'tcp . 8081', data: '10.1.2.4 . 80', comment: 'c9 eth0 net' },
      ],
      'in masq_v4_24': [{ key: '10.1.2.0 . 10.1.2.3 . tcp . 8080', comment: owner }],
    };
    expect(removed({ mappings: [web], facts })[0]).to.deep.include({
      table: 'trestle_portmap',
      remove: [
        { set: 'any_v4', keys: ['tcp . 8080'], comment: owner },
        { set: 'masq_v4_24', keys: ['10.1.2.0 . 10.1.2.3 . tcp . 8080'], comment: owner },
      ],
    });
  });
});

describe('what the reference has mapped', () => {
  const tables = (given: Case) =>
    removed(given).map((step) => (step.op === 'nft.batch' ? `${step.family} ${step.table}` : ''));

  it('is removed by the name that it gives a container’s chain', () => {
    // printf net1c1 | sha512sum
    expect(referenceChain('net1', 'c1')).to.match(/^CNI-DN-[0-9a-f]{21}$/);
    const [first] = removed({ mappings: [web] });
    expect(first).to.deep.include({
      family: 'ip',
      table: 'nat',
      drop: { sets: [], rules: [], chains: [{ name: referenceChain('net', 'c1'), from: 'CNI-HOSTPORT-DNAT' }] },
    });
  });

  it('is removed from its nftables by the container’s ID and the addresses of this network', () => {
    const step = removed({ mappings: [web] }).find((it) => it.op === 'nft.batch' && it.table === 'cni_hostport');
    expect(step).to.have.nested.property('drop.rules[0]').that.deep.equals({
      chain: 'hostports',
      comment: 'c1',
      constant: '0a010203',
    });
  });

  it('stays in a family in which this network has given no address', () => {
    expect(tables({ prevResult: onlyIPv4 })).to.deep.equal(['ip nat', 'ip cni_hostport', 'ip6 nat']);
    expect(tables({ prevResult: null })).to.include('ip6 cni_hostport');
  });
});

describe('the owner of an element', () => {
  it('is read back, for its own network only', () => {
    const key = { network: 'net', containerId: 'c1', ifname: 'eth0' };
    expect(ownerIn(ownerText(key), 'net')).to.deep.equal({ containerId: 'c1', ifname: 'eth0' });
    expect(ownerIn(ownerText(key), 'other')).to.equal(undefined);
    expect(ownerIn('', 'net')).to.equal(undefined);
    expect(ownerIn('by hand', 'net')).to.equal(undefined);
  });

  it('is read back where the network’s name is too long for a comment', () => {
    const key = { network: 'n'.repeat(150), containerId: 'c'.repeat(64), ifname: 'eth0' };
    expect(ownerText(key)).to.have.length.below(128);
    expect(ownerIn(ownerText(key), key.network)?.containerId).to.equal(key.containerId);
    expect(ownerIn(ownerText(key), `${key.network}m`)).to.equal(undefined);
  });

  it('is nobody where a container ID had to be cut', () => {
    const key = { network: 'net', containerId: 'c'.repeat(200), ifname: 'eth0' };
    expect(ownerIn(ownerText(key), 'net')).to.equal(undefined);
  });
});

describe('rules of legacy iptables', () => {
  const remarks = (given: Case) => portmap.remains?.(contextOf({ command: 'DEL', ...given })) ?? [];
  const legacy = ['ip filter', 'ip nat', 'ip6 nat'];
  const chain = referenceChain('net', 'c1');

  it('are out of reach, which is said with the name of the chain', () => {
    expect(remarks({ facts: { legacy } })).to.deep.equal([
      `legacy iptables cannot be reached: in ip nat and ip6 nat the chain ${chain} may remain (iptables-legacy -t nat -S ${chain}; ip6tables-legacy -t nat -S ${chain})`,
    ]);
  });

  it('are nothing to speak of where there are none, and for pods of ours', () => {
    expect(remarks({ facts: { legacy: ['ip filter'] } })).to.deep.equal([]);
    expect(remarks({ facts: { legacy }, prevResult: null })).to.deep.equal([]);
    const interfaces = [{ name: hostEndName(identity) }, { name: 'eth0', sandbox: netns }];
    expect(remarks({ facts: { legacy }, prevResult: { ...onlyIPv4, interfaces } })).to.deep.equal([]);
  });
});
