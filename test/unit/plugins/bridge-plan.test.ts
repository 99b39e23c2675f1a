import { expect } from 'chai';
import { deviceMac } from '../../../lib/plugin/identity';
import { addr, type Case, dual, identity, link, nothing, oneIp, ops, ownMac, planOf, sharedOf } from './bridge-cases';

describe('bridge: the plan of an ADD', () => {
  it('makes the pair with one step that sets names, MACs and master, and no end up before it has its alias', () => {
    const [pair, withoutIpv6, label] = planOf({}).steps;
    expect(withoutIpv6).to.include({ key: `net/ipv6/conf/${identity.hostEnd.name}/disable_ipv6`, value: '1' });
    expect(label).to.include({ op: 'link.set', ns: 'host', name: identity.hostEnd.name, up: true });
    expect(pair).to.deep.equal({
      op: 'link.add',
      ns: 'host',
      ...identity.hostEnd,
      master: 'cni0',
      link: { kind: 'veth', peer: { ns: 'pod', name: 'eth0', mac: identity.podMac } },
      ifExists: 'fail',
    });
  });

  it('assigns addresses before the link goes up, and waits for the port at last, to announce them through it', () => {
    expect(planOf({ ipam: oneIp }).steps.map(({ op, ns }) => `${ns} ${op}`)).to.deep.equal([
      'host link.add',
      'host sysctl.set',
      'host link.set',
      'pod sysctl.set',
      'pod sysctl.set',
      'pod addr.add',
      'pod link.set',
      'pod route.add',
      'host link.wait',
      'pod link.announce',
    ]);
  });

  it('touches nothing shared when the bridge is as it should be', () => {
    const facts = { gatewayAddrs: [addr('10.1.2.1/24')] };
    expect(sharedOf({ config: { isGateway: true }, ipam: oneIp, facts })).to.deep.equal([]);
  });

  it('creates a missing bridge with a MAC of its own, silences IPv6 on it and brings it up', () => {
    const steps = sharedOf({ facts: nothing });
    expect(ops(steps)).to.deep.equal(['link.add', 'sysctl.set', 'link.set']);
    expect(steps[0]).to.deep.include({ name: 'cni0', link: { kind: 'bridge' }, ifExists: 'keep' });
    expect(steps[0])
      .to.have.property('mac')
      .that.matches(/^[0-9a-f][26ae]:/);
  });

  it("finishes a bridge of ours that is down, as its maker may have been killed, but not somebody else's", () => {
    const half = { ...nothing, bridge: link({ mac: deviceMac('cni0', 'machine'), up: false }) };
    expect(sharedOf({ facts: half })).to.deep.equal(sharedOf({ facts: nothing }));
    expect(ops(sharedOf({ facts: { ...nothing, bridge: link({ up: false }) } }))).to.deep.equal(['link.set']);
  });

  it('pins the MAC of a bridge that somebody else made, before the port could change it', () => {
    const facts = { bridge: link({ mac: '02:00:00:00:00:99' }) };
    const { steps, result } = planOf({ facts });
    expect(steps.slice(0, 2).map(({ op }) => op)).to.deep.equal(['link.set', 'link.add']);
    expect(steps[0]).to.deep.equal({ op: 'link.set', ns: 'host', name: 'cni0', pinMac: true });
    const outcomes = [
      { did: 'changed', us: 1 },
      { did: 'created', us: 1, mac: identity.hostEnd.mac },
    ] as const;
    expect(result(outcomes).interfaces?.slice(0, 2)).to.deep.equal([
      { name: 'cni0', mac: '02:00:00:00:00:99', mtu: 1500 },
      identity.hostEnd,
    ]);
  });

  it('gives a bridge a MAC whose last port took it along', () => {
    const facts = { bridge: link({ mac: '00:00:00:00:00:00' }) };
    expect(sharedOf({ facts })).to.deep.equal([{ op: 'link.set', ns: 'host', name: 'cni0', mac: ownMac }]);
  });

  it('gives the bridge the gateway of each family and enables forwarding for it', () => {
    const steps = sharedOf({
      config: { isGateway: true },
      ipam: dual,
      facts: { ipv4Forwarding: '0', ipv6Forwarding: '0' },
    });
    expect(steps).to.deep.equal([
      { op: 'addr.add', ns: 'host', link: 'cni0', address: '10.1.2.1/24', nodad: true, ifExists: 'keep' },
      { op: 'addr.add', ns: 'host', link: 'cni0', address: 'fd00::1/64', nodad: true, ifExists: 'keep' },
      { op: 'sysctl.set', ns: 'host', key: 'net/ipv4/ip_forward', value: '1', ifMissing: 'fail' },
      { op: 'sysctl.set', ns: 'host', key: 'net/ipv6/conf/all/forwarding', value: '1', ifMissing: 'fail' },
    ]);
  });

  it('leaves duplicate address detection alone with enabledad', () => {
    const given = { config: { isGateway: true, enabledad: true }, ipam: dual, facts: nothing };
    const nodad = [...sharedOf(given), ...planOf(given).steps].filter((step) => step.op === 'addr.add' && step.nodad);
    const acceptDad = [...sharedOf(given), ...planOf(given).steps].filter(
      (step) => step.op === 'sysctl.set' && step.key.endsWith('accept_dad'),
    );
    expect([...nodad, ...acceptDad]).to.deep.equal([]);
  });

  it('names the first address of the subnet as gateway when the IPAM names none', () => {
    const ipam = { ips: [{ address: '10.1.2.3/24' }] };
    expect(planOf({ config: { isGateway: true }, ipam }).result([]).ips).to.deep.equal([
      { address: '10.1.2.3/24', gateway: '10.1.2.1', interface: 2 },
    ]);
  });

  it('adds a default route per family with isDefaultGateway, unless the IPAM gave one with a gateway', () => {
    const config = { isDefaultGateway: true };
    expect(planOf({ config, ipam: { ips: dual.ips ?? [] } }).result([]).routes).to.deep.equal([
      { dst: '0.0.0.0/0', gw: '10.1.2.1' },
      { dst: '::/0', gw: 'fd00::1' },
    ]);
    const routes = [{ dst: '0.0.0.0/0', gw: '10.1.2.9' }];
    expect(planOf({ config, ipam: { ips: oneIp.ips ?? [], routes } }).result([]).routes).to.deep.equal(routes);
  });

  it("routes through the family's gateway where a route names none", () => {
    const routes = planOf({ ipam: dual }).steps.filter((step) => step.op === 'route.add');
    expect(routes).to.deep.equal([
      { op: 'route.add', ns: 'pod', link: 'eth0', dst: '::/0', gw: 'fd00::1', ifExists: 'fail' },
    ]);
  });

  it('reports bridge, host end and container end in this order, each with its MTU, and addresses on the third', () => {
    const outcome = {
      did: 'created',
      us: 1,
      mac: identity.hostEnd.mac,
      mtu: 1440,
      peer: { ifindex: 2, mac: identity.podMac, mtu: 1450 },
    } as const;
    const { interfaces, ips } = planOf({ ipam: oneIp }).result([outcome]);
    expect(interfaces).to.deep.equal([
      { name: 'cni0', mac: ownMac, mtu: 1500 },
      { ...identity.hostEnd, mtu: 1440 },
      { name: 'eth0', mac: identity.podMac, mtu: 1450, sandbox: '/run/netns/a' },
    ]);
    expect(ips?.[0]?.interface).to.equal(2);
  });

  it('replaces the dns of the IPAM as a whole by its own, unless its own is empty', () => {
    const ipam = { ...oneIp, dns: { nameservers: ['10.0.0.1'], search: ['a'] } };
    expect(planOf({ ipam, config: { dns: { nameservers: ['10.0.0.2'] } } }).result([]).dns).to.deep.equal({
      nameservers: ['10.0.0.2'],
    });
    expect(planOf({ ipam, config: { dns: { nameservers: [] } } }).result([]).dns).to.deep.equal(ipam.dns);
  });

  it('takes the MAC from runtimeConfig over args.cni over CNI_ARGS', () => {
    const macOf = (given: Case) => {
      const [pair] = planOf(given).steps;
      return pair?.op === 'link.add' && pair.link.kind === 'veth' ? pair.link.peer.mac : undefined;
    };
    const args: [string, string][] = [['MAC', '02:00:00:00:00:aa']];
    const cni = { args: { cni: { mac: '02:00:00:00:00:bb' } } };
    const runtimeConfig = { runtimeConfig: { mac: '02:00:00:00:00:CC' } };
    expect(macOf({ args })).to.equal('02:00:00:00:00:aa');
    expect(macOf({ args, config: cni })).to.equal('02:00:00:00:00:bb');
    expect(macOf({ args, config: { ...cni, ...runtimeConfig } })).to.equal('02:00:00:00:00:cc');
    expect(() => macOf({ args: [['MAC', 'nonsense']] })).to.throw('invalid MAC address "nonsense"');
  });

  it('sets hairpin and isolation on the port, and the MTU on both ends', () => {
    const [pair, , port] = planOf({ config: { hairpinMode: true, portIsolation: true, mtu: 1400 } }).steps;
    expect(pair).to.deep.include({ mtu: 1400 });
    expect(pair?.op === 'link.add' && pair.link).to.have.nested.property('peer.mtu', 1400);
    expect(port).to.deep.include({ hairpin: true, isolated: true });
  });

  it('leaves the container end down with disableContainerInterface', () => {
    const { steps } = planOf({ config: { disableContainerInterface: true } });
    expect(ops(steps)).to.deep.equal(['link.add', 'sysctl.set', 'link.set']);
  });

  it('masquerades while the kernel looks at the link, whatever backend is asked for', () => {
    for (const ipMasqBackend of ['', 'iptables', 'nftables', 'auto', null]) {
      const steps = planOf({ config: { ipMasq: true, ipMasqBackend }, ipam: dual }).steps;
      expect(ops(steps).slice(-3)).to.deep.equal(['nft.batch', 'link.wait', 'link.announce']);
    }
    expect(ops(planOf({ config: { ipMasq: false }, ipam: dual }).steps)).not.to.include('nft.batch');
  });
});

describe('bridge: the gateway address', () => {
  const config = { isGateway: true };

  it('is not put beside another IPv4 address', () => {
    const facts = { gatewayAddrs: [addr('10.9.9.1/24')] };
    expect(() => planOf({ config, ipam: oneIp, facts })).to.throw(
      'failed to set bridge addr: "cni0" already has an IP address different from 10.1.2.1/24',
    );
  });

  it('replaces the other one with forceAddress', () => {
    const facts = { gatewayAddrs: [addr('10.9.9.1/24')] };
    expect(sharedOf({ config: { ...config, forceAddress: true }, ipam: oneIp, facts })).to.deep.equal([
      { op: 'addr.delete', ns: 'host', link: 'cni0', address: '10.9.9.1/24', ifMissing: 'keep' },
      { op: 'addr.add', ns: 'host', link: 'cni0', address: '10.1.2.1/24', nodad: true, ifExists: 'keep' },
    ]);
  });

  it('tolerates IPv6 addresses of other subnets and refuses those of the same', () => {
    const ipam = { ips: [{ address: 'fd00::3/64', gateway: 'fd00::1' }] };
    const beside = { gatewayAddrs: [addr('fe80::1/64'), addr('fd01::1/64')] };
    expect(ops(sharedOf({ config, ipam, facts: beside }))).to.deep.equal(['addr.add']);
    expect(() => planOf({ config, ipam, facts: { gatewayAddrs: [addr('fd00::9/64')] } })).to.throw(
      'already has an IP address',
    );
  });

  it('may be several of one family when the pod has several addresses', () => {
    const ipam = { ips: [...(oneIp.ips ?? []), { address: '10.1.3.3/24', gateway: '10.1.3.1' }] };
    const facts = { gatewayAddrs: [addr('10.1.2.1/24')] };
    expect(sharedOf({ config, ipam, facts })).to.deep.equal([
      { op: 'addr.add', ns: 'host', link: 'cni0', address: '10.1.3.1/24', nodad: true, ifExists: 'keep' },
    ]);
  });
});
