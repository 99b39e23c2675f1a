import { expect } from 'chai';
import type { Result } from '../../../lib/cni/result';
import type { LinkFact, Step } from '../../../lib/kernel/contract';
import { bridge } from '../../../lib/plugins/bridge/bridge';
import { referenceChain } from '../../../lib/plugins/reference-masquerade';
import { addr, type Case, contextOf, identity, link } from './bridge-cases';

const stepsOf = (given: Case & { prevResult?: Result; netns?: string }): Step[] => {
  const { prevResult, netns = '/run/netns/a' } = given;
  const context = contextOf({ ...given, command: 'DEL' });
  return bridge.del?.({ ...context, request: { ...context.request, netns, prevResult } } as never) ?? [];
};

const removal = (ns: string, name: string, mac?: string) => ({
  op: 'link.delete',
  ns,
  name,
  kind: 'veth',
  ...(mac ? { mac } : {}),
  ifMissing: 'keep',
});
const ownName = removal('host', identity.hostEnd.name, identity.hostEnd.mac);
const ownPod = removal('pod', 'eth0');

/** A port of the bridge, which has ifindex 7. */
const port = (fields: Partial<LinkFact> = {}): LinkFact =>
  link({ ifindex: 20, name: 'vethabc', kind: 'veth', mac: '02:00:00:00:00:09', master: 7, peer: 2, ...fields });
const podEnd = (fields: Partial<LinkFact> = {}): LinkFact =>
  link({ ifindex: 2, name: 'eth0', kind: 'veth', peer: 20, peerNetnsId: 0, ...fields });
const of = (owner: string) => `trestle ${owner}`;

describe('bridge: the removal without a record', () => {
  it("tries our name for the host end and the pod's interface, veths only", () => {
    expect(stepsOf({})).to.deep.equal([ownName, ownPod]);
  });

  it('stops the masquerading first, of what the result or the pod itself has as addresses', () => {
    const [first] = stepsOf({
      config: { ipMasq: true },
      prevResult: { ips: [{ address: '10.1.2.3/24' }] },
      facts: { podAddrs: [addr('10.1.2.3/24'), addr('fd00::3/64')] },
    });
    expect(first?.op === 'nft.batch' && first.remove?.flatMap(({ keys }) => keys)).to.deep.equal([
      '10.1.2.3',
      'fd00::3',
    ]);
  });

  it("drops the reference's chain of this container, wherever its addresses are, and only where ipMasq is on", () => {
    const dropped = (config: Record<string, unknown>) =>
      stepsOf({ config }).flatMap((step) => (step.op === 'nft.batch' ? [[step.family, step.drop?.chains]] : []));
    const chains = [{ name: referenceChain('net', 'c1'), from: 'POSTROUTING' }];
    for (const key of ['ipMasq', 'IPMASQ']) {
      expect(dropped({ [key]: true })).to.deep.equal([
        ['ip', chains],
        ['ip6', chains],
      ]);
    }
    for (const config of [{}, { ipMasq: false }, { ipMasq: null }]) expect(dropped(config)).to.deep.equal([]);
  });

  it('leaves an interface alone whose other end is another attachment, and takes one of its own or of the reference', () => {
    const withOpposite = (alias: string, end = podEnd()) =>
      stepsOf({ facts: { podEnd: end, hostLinks: [port({ alias })] } });
    expect(withOpposite(of('net c2 eth0'))).to.deep.equal([ownName]);
    expect(withOpposite(of('other c1 eth0'))).to.deep.equal([ownName]);
    for (const alias of [of('net c1 eth0'), '', 'uplink']) expect(withOpposite(alias)).to.deep.equal([ownName, ownPod]);
    // The same numbers, but in another namespace: not its other end.
    expect(withOpposite(of('net c2 eth0'), podEnd({ ifindex: 3 }))).to.deep.equal([ownName, ownPod]);
  });

  describe('believes the names in prevResult', () => {
    const told = { name: 'vethabc', mac: '02:00:00:00:00:09' };
    const container = { name: 'eth0', sandbox: '/run/netns/a', mac: 'aa:00:00:00:00:01' };
    const prevResult = { interfaces: [told, container] };
    const toldBy = (given: Parameters<typeof stepsOf>[0]) =>
      stepsOf({ prevResult, ...given, facts: { hostLinks: [port()], ...given.facts } }).filter(
        (step) => step.op === 'link.delete' && step.name === told.name,
      );

    it('of a pod that is not to be had: by name and MAC', () => {
      const taken = [removal('host', told.name, told.mac)];
      expect(toldBy({})).to.deep.equal(taken);
      expect(toldBy({ netns: '' })).to.deep.equal(taken);
      const loud = { interfaces: [{ ...told, mac: told.mac.replaceAll(':', '-') }, container] };
      expect(toldBy({ prevResult: loud })).to.deep.equal(taken);
    });

    const lies: [string, Parameters<typeof stepsOf>[0]][] = [
      ['with another MAC than the link has', { facts: { hostLinks: [port({ mac: '02:00:00:00:00:08' })] } }],
      ['with a MAC that is none', { prevResult: { interfaces: [{ ...told, mac: 'x' }, container] } }],
      ['without a MAC', { prevResult: { interfaces: [{ name: told.name }, container] } }],
      ['of a link that is no veth', { facts: { hostLinks: [port({ kind: 'bridge' })] } }],
      ['of a link in no bridge', { facts: { hostLinks: [port({ master: 0 })] } }],
      ['of a port of another bridge', { facts: { hostLinks: [port({ master: 8 })] } }],
      ['where there is no bridge', { facts: { bridge: null, hostLinks: [port({ master: 0 })] } }],
      [
        'of a link whose alias is of another attachment',
        { facts: { hostLinks: [port({ alias: of('net c2 eth0') })] } },
      ],
      ['where the pod itself says what its other end is', { facts: { podEnd: podEnd({ peer: 99 }) } }],
      ['that is about another pod', { netns: '/run/netns/b' }],
      ['that is about another interface', { prevResult: { interfaces: [told, { ...container, name: 'eth1' }] } }],
      ['that is about no pod at all', { netns: '', prevResult: { interfaces: [told] } }],
    ];
    for (const [what, given] of lies) {
      it(`but not one ${what}`, () => {
        expect(toldBy(given)).to.deep.equal([]);
      });
    }

    it('and names nothing that the kernel does not have', () => {
      const interfaces = [{ name: '../../x', mac: told.mac }, { name: 'x'.repeat(300), mac: told.mac }, container];
      expect(stepsOf({ prevResult: { interfaces }, facts: { hostLinks: [port()] } })).to.deep.equal([ownName, ownPod]);
    });
  });
});
