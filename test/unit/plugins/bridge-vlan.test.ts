import { expect } from 'chai';
import type { Step, VlanRange } from '../../../lib/kernel/contract';
import { deviceMac } from '../../../lib/plugin/identity';
import { bridge } from '../../../lib/plugins/bridge/bridge';
import { gatewayPort } from '../../../lib/plugins/bridge/vlan';
import { addrFact } from '../facts';
import { type Case, contextOf, identity, link, oneIp, ops, ownMac, planOf, settled, sharedOf } from './bridge-cases';

const filtering = link({ mac: ownMac, bridge: { vlanFiltering: true, defaultPvid: 1 } });
const gatewayName = 'cni0.100';
const port = gatewayPort({ bridge: 'cni0', vlan: 100 } as never);
const gatewayMac = deviceMac(gatewayName, 'machine');
const gateway = link({ name: gatewayName, kind: 'veth', mac: gatewayMac });
const inVlan: VlanRange[] = [{ from: 100, to: 100, pvid: true, untagged: true }];

/** The steps on VLANs of a pod's port. */
function portSteps(config: Record<string, unknown>, bridge = filtering): Step[] {
  const { steps } = planOf({ config, facts: { bridge } });
  return steps.filter(({ op }) => op.startsWith('bridge.vlan'));
}

const put = (...vlans: VlanRange[]) => ({ op: 'bridge.vlan.add', ns: 'host', link: identity.hostEnd.name, vlans });
const take = (id: number) => ({
  op: 'bridge.vlan.delete',
  ns: 'host',
  link: identity.hostEnd.name,
  vlans: [{ from: id, to: id }],
});

describe('VLANs of bridge', () => {
  it('ask for a filtering bridge only where there are some', () => {
    const made = (config: Record<string, unknown>) =>
      sharedOf({ config, facts: { bridge: null } }).find(({ op }) => op === 'link.add');
    expect(made({ vlan: 100 })).to.deep.include({ link: { kind: 'bridge', vlanFiltering: true } });
    expect(made({ vlanTrunk: [{ id: 7 }] })).to.deep.include({ link: { kind: 'bridge', vlanFiltering: true } });
    expect(made({ vlanTrunk: [] })).to.deep.include({ link: { kind: 'bridge' } });
    expect(portSteps({})).to.deep.equal([]);
  });

  it("make the pod's own VLAN that of its untagged frames", () => {
    expect(portSteps({ vlan: 100 })).to.deep.equal([put({ from: 100, to: 100, pvid: true, untagged: true })]);
  });

  it('leave the default VLAN where it is not to be preserved', () => {
    const config = { vlan: 100, preserveDefaultVlan: false };
    expect(portSteps(config)[0]).to.deep.equal(take(1));
    expect(portSteps(config, { ...filtering, bridge: { vlanFiltering: true, defaultPvid: 9 } })[0]).to.deep.equal(
      take(9),
    );
    expect(portSteps(config, { ...filtering, bridge: { vlanFiltering: true, defaultPvid: 0 } })).to.have.length(1);
    expect(portSteps({ preserveDefaultVlan: false }), 'no VLANs at all').to.deep.equal([]);
  });

  it('do not leave the default VLAN where it is the one that is wanted', () => {
    expect(portSteps({ vlan: 1, preserveDefaultVlan: false })).to.deep.equal([
      put({ from: 1, to: 1, pvid: true, untagged: true }),
    ]);
    expect(portSteps({ vlanTrunk: [{ minID: 1, maxID: 3 }], preserveDefaultVlan: false })).to.deep.equal([
      put({ from: 1, to: 3 }),
    ]);
  });

  it('of a trunk come as few ranges, each VLAN once, the own one apart', () => {
    const vlanTrunk = [{ id: 12 }, { minID: 10, maxID: 11, id: 30 }, { minID: 11, maxID: 14 }, { id: 20 }];
    expect(portSteps({ vlanTrunk })).to.deep.equal([
      put({ from: 10, to: 14 }, { from: 20, to: 20 }, { from: 30, to: 30 }),
    ]);
    expect(portSteps({ vlan: 12, vlanTrunk: [{ minID: 10, maxID: 14 }] })).to.deep.equal([
      put({ from: 12, to: 12, pvid: true, untagged: true }, { from: 10, to: 11 }, { from: 13, to: 14 }),
    ]);
  });

  it('are given to the port before the end in the pod goes up', () => {
    const order = ops(
      planOf({ config: { vlan: 100, preserveDefaultVlan: false }, facts: { bridge: filtering } }).steps,
    );
    const up = planOf({ config: { vlan: 100 }, facts: { bridge: filtering } }).steps.findLastIndex(
      (step) => step.op === 'link.set' && step.up === true,
    );
    expect(order.indexOf('bridge.vlan.delete')).to.be.within(1, up);
    expect(order.indexOf('bridge.vlan.add')).to.be.within(1, up);
  });
});

describe('the gateway of a VLAN', () => {
  const shared = (facts: Case['facts'], config = {}): Step[] =>
    sharedOf({
      config: { isGateway: true, vlan: 100, ...config },
      ipam: oneIp,
      facts: { ...settled, bridge: filtering, ...facts },
    });

  const address = {
    op: 'addr.add',
    ns: 'host',
    link: gatewayName,
    address: '10.1.2.1/24',
    nodad: true,
    ifExists: 'keep',
  };

  it('is one end of a pair whose other end is a port in that VLAN, and goes up last', () => {
    expect(shared({ gateway: null })).to.deep.equal([
      {
        op: 'link.add',
        ns: 'host',
        name: port,
        mac: deviceMac(port, 'machine'),
        mtu: 1500,
        up: true,
        master: 'cni0',
        link: { kind: 'veth', peer: { ns: 'host', name: gatewayName, mac: gatewayMac, mtu: 1500 } },
        ifExists: 'keep',
      },
      { op: 'bridge.vlan.add', ns: 'host', link: port, vlans: inVlan },
      {
        op: 'sysctl.set',
        ns: 'host',
        key: `net/ipv6/conf/${gatewayName}/accept_ra`,
        value: '0',
        ifMissing: 'keep',
        ifReadOnly: 'keep',
      },
      address,
      { op: 'link.set', ns: 'host', name: gatewayName, up: true },
      { op: 'link.wait', ns: 'host', name: port, timeoutMs: 5000 },
    ]);
  });

  it('leaves the default VLAN as the pods do', () => {
    const [, leave] = shared({ gateway: null }, { preserveDefaultVlan: false });
    expect(leave).to.deep.include({ op: 'bridge.vlan.delete', link: port });
  });

  it('is made anew where its maker was killed half-way: then it is down', () => {
    expect(ops(shared({ gateway: { ...gateway, up: false } }))).to.deep.equal(ops(shared({ gateway: null })));
  });

  it('needs nothing more than its address once it is there', () => {
    expect(shared({ gateway, gatewayVlans: inVlan })).to.deep.equal([address]);
    expect(
      shared({ gateway, gatewayVlans: inVlan, gatewayAddrs: [{ address: '10.1.2.1/24' } as never] }),
    ).to.deep.equal([]);
  });

  it('gets its port back into the VLAN', () => {
    const [put] = shared({ gateway, gatewayVlans: [{ from: 1, to: 1, pvid: true, untagged: true }] });
    expect(put).to.deep.equal({ op: 'bridge.vlan.add', ns: 'host', link: port, vlans: inVlan });
  });

  it('may be a link that somebody else made: it is brought up and given the address', () => {
    const theirs = { ...gateway, mac: '02:00:00:00:00:77' };
    expect(shared({ gateway: theirs })).to.deep.equal([address]);
    expect(shared({ gateway: { ...theirs, up: false } })).to.deep.equal([
      { op: 'link.set', ns: 'host', name: gatewayName, up: true },
      address,
    ]);
  });

  it('is not needed where the bridge is no gateway, nor without addresses', () => {
    expect(shared({ gateway: null }, { isGateway: false })).to.deep.equal([]);
    const layer2 = sharedOf({ config: { isGateway: true, vlan: 100 }, facts: { bridge: filtering, gateway: null } });
    expect(layer2).to.deep.equal([]);
  });

  it('that has another address is an error in the words of the reference', () => {
    const gatewayAddrs = [addrFact('10.9.9.1/24')];
    expect(() => shared({ gateway, gatewayVlans: inVlan, gatewayAddrs })).to.throw(
      'failed to set vlan interface for bridge with addr: "cni0.100" already has an IP address different from 10.1.2.1/24',
    );
  });

  it('is the fourth interface of the result', () => {
    const { result } = planOf({
      config: { isGateway: true, vlan: 100 },
      ipam: oneIp,
      facts: { bridge: filtering, gateway, gatewayVlans: inVlan },
    });
    expect(result([]).interfaces?.[3]).to.deep.equal({ name: gatewayName, mac: gatewayMac, mtu: 1500 });
  });
});

describe('what bridge asks of a VLAN', () => {
  const asked = (config: Record<string, unknown>) => {
    const context = contextOf({ config });
    return bridge.facts(context as never, {});
  };

  it("is its gateway's link where there can be one, and the bridge itself otherwise", () => {
    expect(asked({ isGateway: true, vlan: 100 })).to.deep.include({
      gateway: { query: 'link', ns: 'host', name: gatewayName },
      gatewayAddrs: { query: 'addrs', ns: 'host', link: gatewayName },
    });
    for (const config of [{ isGateway: true }, { vlan: 100 }, { isGateway: true, vlan: 12345678901 }]) {
      expect(asked(config), JSON.stringify(config))
        .to.deep.include({ gatewayAddrs: { query: 'addrs', ns: 'host', link: 'cni0' } })
        .and.to.not.have.any.keys('gateway', 'gatewayVlans');
    }
  });
});
