import { expect } from 'chai';
import type { LinkAdd, LinkFact, Step } from '../../../lib/kernel/contract';
import { native } from '../../../lib/kernel/native';
import { hasFeature } from '../../support/needs';
import { bridge, pair, podUp, useNamespaces } from './support';

const port = { ...(pair as LinkAdd), master: 'cni0' };
const add: Step = {
  op: 'bridge.vlan.add',
  ns: 'host',
  link: 'vetha',
  vlans: [
    { from: 100, to: 100, pvid: true, untagged: true },
    { from: 200, to: 300 },
  ],
};
const remove: Step = { op: 'bridge.vlan.delete', ns: 'host', link: 'vetha', vlans: [{ from: 1, to: 1 }] };

/** Where no bridge has VLANs, or the link that is asked for none. */
describe('VLANs where there are none', () => {
  const ns = useNamespaces();

  it('are an empty list of a link that is no port of a bridge, and of none', async () => {
    await ns.apply(bridge, pair);
    for (const link of ['vetha', 'cni0', 'lo', 'nolink']) {
      expect(await ns.ask({ query: 'vlans', ns: 'host', link }), link).to.deep.equal([]);
    }
    expect(await ns.ask({ query: 'vlans', ns: 'pod', link: 'eth0' })).to.deep.equal([]);
  });

  it('cannot be given to a link that is no port of a bridge, nor taken from it', async () => {
    await ns.apply(bridge, pair, podUp);
    const fault = { errno: 'EOPNOTSUPP', message: 'link "vetha" is no port of a bridge', extack: '' };
    expect((await ns.attempt(add)).faults[0]).to.include({
      ...fault,
      op: 'add vetha to VLAN 100 pvid untagged, VLANs 200-300',
    });
    expect((await ns.attempt(remove)).faults[0]).to.include({ ...fault, op: 'take vetha out of VLAN 1' });
    const inPod = await ns.attempt({ ...remove, ns: 'pod', link: 'eth0' });
    expect(inPod.faults[0]).to.include({ message: 'link "eth0" is no port of a bridge' });
    expect((await ns.attempt({ ...add, link: 'cni0' })).faults[0]?.message).to.equal(
      'link "cni0" is no port of a bridge',
    );
  });

  it('cannot be given to a missing link, nor taken from it', async () => {
    for (const step of [add, { ...remove, ns: 'pod' } as const]) {
      const { faults } = await ns.attempt(step);
      const place = step.ns === 'pod' ? ' in the pod' : '';
      expect(faults[0]).to.include({ errno: 'ENODEV', message: `there is no link "vetha"${place}` });
    }
  });

  it('names eight of many VLANs in a fault', async () => {
    const vlans = Array.from({ length: 10 }, (_, i) => ({ from: 2 * i + 1, to: 2 * i + 1 }));
    const { faults } = await ns.attempt({ ...add, ns: 'pod', link: 'eth0', vlans });
    const named = [1, 3, 5, 7, 9, 11, 13, 15].map((vlan) => `VLAN ${vlan}`).join(', ');
    expect(faults[0]?.op).to.equal(`add eth0 in the pod to ${named} and 2 more`);
  });

  it('have nothing to do with an empty list of them', async () => {
    await ns.apply(bridge, port);
    const outcomes = await ns.apply({ ...add, vlans: [] }, { ...remove, vlans: [] });
    expect(outcomes.map(({ did }) => did)).to.deep.equal(['kept', 'kept']);
  });
});

describe('VLANs in a kernel whose bridges do not filter them', () => {
  const ns = useNamespaces();
  const reason = {
    errno: 'EOPNOTSUPP',
    message: "the kernel's bridges have no VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING)",
  };

  before(async function () {
    if (await hasFeature('vlan filtering')) this.skip();
  });

  it('cannot be asked of a new bridge, which is then not made', async () => {
    const { outcomes, faults } = await ns.attempt({
      ...(bridge as LinkAdd),
      link: { kind: 'bridge', vlanFiltering: true },
    });
    expect(outcomes).to.deep.equal([]);
    expect(faults[0]).to.include({ op: 'add bridge cni0', ...reason });
    expect(await ns.ip('host', 'link', 'show')).to.have.length(1);
  });

  it('are not asked of one by vlanFiltering: false', async () => {
    await ns.apply({ ...(bridge as LinkAdd), link: { kind: 'bridge', vlanFiltering: false } });
    const made = (await ns.ask({ query: 'link', ns: 'host', name: 'cni0' })) as LinkFact;
    expect(made.bridge).to.deep.equal({ vlanFiltering: false, defaultPvid: 0 });
  });

  it('cannot be given to a port, which is in none that could be taken from it', async () => {
    await ns.apply(bridge, port);
    expect((await ns.attempt(add)).faults[0]).to.include(reason);
    expect((await ns.apply(remove))[0]?.did).to.equal('kept');
    expect(await ns.ask({ query: 'vlans', ns: 'host', link: 'vetha' })).to.deep.equal([]);
  });
});

describe('VLANs that there cannot be', () => {
  const wrong: [object, RegExp][] = [
    [{ vlans: undefined }, /^steps\[0\]\.vlans is missing$/],
    [{ vlans: {} }, /^steps\[0\]\.vlans must be an array, not an object$/],
    [{ vlans: [100] }, /^steps\[0\]\.vlans\[0\] must be an object, not a number$/],
    [{ vlans: [{ from: 0, to: 1 }] }, /^steps\[0\]\.vlans\[0\]\.from must be a whole number from 1 to 4094$/],
    [{ vlans: [{ from: 1 }] }, /^steps\[0\]\.vlans\[0\]\.to is missing$/],
    [{ vlans: [{ from: 1, to: 4095 }] }, /^steps\[0\]\.vlans\[0\]\.to must be a whole number from 1 to 4094$/],
    [
      {
        vlans: [
          { from: 1, to: 1 },
          { from: 20, to: 10 },
        ],
      },
      /^steps\[0\]\.vlans\[1\]\.to must be a whole number from 20 to 4094$/,
    ],
    [{ vlans: [{ from: 1, to: 2, pvid: true }] }, /^steps\[0\]\.vlans\[0\]\.pvid is for a single VLAN$/],
    [{ vlans: [{ from: 1, to: 1, pvid: 1 }] }, /^steps\[0\]\.vlans\[0\]\.pvid must be a boolean, not a number$/],
    [{ vlans: [{ from: 1, to: 1, tagged: true }] }, /^steps\[0\]\.vlans\[0\]\.tagged is not a field/],
    [{ op: 'bridge.vlan.delete', vlans: [{ from: 1, to: 1, untagged: true }] }, /untagged is not a field/],
    [{ op: 'bridge.vlan.delete', vlans: [{ from: 4095, to: 4095 }] }, /from must be a whole number from 1 to 4094$/],
  ];
  for (const [changes, message] of wrong) {
    it(`are refused: ${message.source}`, async () => {
      // Should it be taken after all, there must be no namespace in which it is done.
      const refused = native().apply({ host: '/run/nosuch' }, [{ ...add, ...changes } as Step], 'stop');
      const fault = await refused.then(
        () => expect.fail('it was done'),
        (error) => error.fault,
      );
      expect(fault).to.include({ op: 'read the arguments', errno: '', code: 0 });
      expect(fault.message).to.match(message);
    });
  }
});
