import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { sharedObjects } from '../support/leftovers';
import { globalAddresses, refusal, succeed } from '../support/network';
import type { Pod } from '../support/peers';
import { createWorld, type World } from '../support/world';

/** The configuration of "Implement your CNI in Golang", to the byte. */
const text = '{"name":"mynet","BridgeName":"test","IP":"192.0.2.15/24"}';
const newer = { cniVersion: '1.0.0', ...JSON.parse(text) };

describe("bridge with the tutorial's configuration", () => {
  let world: World;
  let ns1: Pod;

  beforeEach(async () => {
    world = await createWorld();
    ns1 = await world.addPod('ns1');
  });

  afterEach(() => world.close());

  const callOf = (config: object | string, changes: object = {}) => ({
    containerId: 'ns1',
    netns: '/var/run/netns/ns1',
    ifname: 'eth10',
    config,
    ...changes,
  });

  it('shows its reader what the tutorial shows, and a result', async () => {
    const before = await world.snapshot();
    const { code, stdout } = await world.cni('bridge', callOf(text));
    expect({ code, result: JSON.parse(stdout) }).to.deep.equal({
      code: 0,
      result: { cniVersion: '0.1.0', ip4: { ip: '192.0.2.15/24' }, dns: {} },
    });
    const [bridge] = await world.ip('-details link show test');
    expect(bridge).to.deep.include({ mtu: 1500 }).and.to.have.nested.property('linkinfo.info_kind', 'bridge');
    expect(bridge.flags).to.include('UP');
    expect(await world.ip('link show master test')).to.have.length(1);
    const [eth10] = await world.ip('address show dev eth10', ns1);
    expect(eth10.flags).to.include.members(['UP', 'BROADCAST', 'MULTICAST', 'LOWER_UP']);
    expect(eth10.mtu).to.equal(1500);
    expect(eth10.addr_info[0]).to.include({ local: '192.0.2.15', prefixlen: 24, broadcast: '192.0.2.255' });

    await world.ip('address add 192.0.2.1/24 dev test');
    expect(await world.ping(ns1, '192.0.2.1')).to.equal(true);
    expect(await world.ping('host', '192.0.2.15')).to.equal(true);

    await succeed(world, 'bridge', { ...callOf(text), command: 'DEL' });
    await succeed(world, 'bridge', { ...callOf(text), command: 'DEL' });
    expectUnchanged(before, await world.snapshot(), { allow: sharedObjects('test') });
  });

  it('takes its keys in any case, and joins two pods by one bridge', async () => {
    const ns2 = await world.addPod('ns2');
    const spellings = [
      { name: 'mynet', bridgename: 'test', ip: '192.0.2.15/24' },
      { Name: 'mynet', BRIDGENAME: 'test', Ip: '192.0.2.16/24' },
    ];
    await succeed(world, 'bridge', callOf(spellings[0] ?? {}));
    await succeed(world, 'bridge', callOf(spellings[1] ?? {}, { containerId: 'ns2', netns: ns2 }));
    expect(await globalAddresses(world, 'eth10', ns2)).to.deep.equal(['192.0.2.16/24']);
    expect(await world.ip('link show master test')).to.have.length(2);
    expect(await world.ping(ns1, '192.0.2.16')).to.equal(true);
    expect(await world.ping(ns2, '192.0.2.15')).to.equal(true);
    await succeed(world, 'bridge', { ...callOf(spellings[0] ?? {}), command: 'DEL' });
    expect(await world.ip('link show master test')).to.have.length(1);
  });

  it('makes the bridge the gateway where it is asked to', async () => {
    const result = await succeed(world, 'bridge', callOf({ ...newer, isDefaultGateway: true, ipMasq: true }));
    expect(result.ips).to.deep.equal([{ address: '192.0.2.15/24', gateway: '192.0.2.1', interface: 2 }]);
    expect(result.routes).to.deep.equal([{ dst: '0.0.0.0/0', gw: '192.0.2.1' }]);
    expect(await globalAddresses(world, 'test')).to.deep.equal(['192.0.2.1/24']);
    expect(await world.ping(ns1, '192.0.2.1')).to.equal(true);
  });

  it('refuses CHECK as the specification has it for a configuration without version', async () => {
    await succeed(world, 'bridge', callOf(text));
    const { code, msg } = await refusal(world, 'bridge', { ...callOf(text), command: 'CHECK' });
    expect({ code, msg }).to.deep.equal({ code: 1, msg: 'config version does not allow CHECK' });
  });

  for (const cniVersion of ['0.4.0', '1.0.0', '1.1.0']) {
    it(`passes CHECK with ${cniVersion} until the address is gone`, async () => {
      const config = { ...newer, cniVersion };
      const prevResult = await succeed(world, 'bridge', callOf(config));
      expect(prevResult.ips.map(({ address }: { address: string }) => address)).to.deep.equal(['192.0.2.15/24']);
      const check = { ...callOf({ ...config, prevResult }), command: 'CHECK' };
      await succeed(world, 'bridge', check);
      const moved = await refusal(world, 'bridge', {
        ...check,
        config: { ...config, prevResult, IP: '192.0.2.16/24' },
      });
      expect({ code: moved.code, msg: moved.msg }).to.deep.equal({
        code: 101,
        msg: 'prevResult has no 192.0.2.16/24, which the configuration gives',
      });
      await world.ip('address delete 192.0.2.15/24 dev eth10', ns1);
      const { code, msg } = await refusal(world, 'bridge', check);
      expect(code).to.equal(101);
      expect(msg).to.include('192.0.2.15/24');
      await succeed(world, 'bridge', { ...callOf({ ...config, prevResult }), command: 'DEL' });
      expect(await world.ip('link show master test')).to.deep.equal([]);
    });
  }

  it('refuses what it cannot do, before any change', async () => {
    const before = await world.snapshot();
    for (const [changes, complaint] of [
      [{ IP: 'garbage' }, /^invalid configuration: "ip": expected an IP address .*, found "garbage"/],
      [{ IP: '192.0.2.15' }, /^invalid configuration: "ip": expected /],
      [{ BridgeName: 'a/b' }, /^invalid configuration: "bridgeName": expected /],
      [{ bridge: 'other' }, /^"bridge" and "bridgeName" name two bridges: "other" and "test"$/],
      [{ ipam: { type: 'host-local', subnet: '10.1.2.0/24' } }, /^"ip" and "ipam.type" cannot both give the address$/],
      [{ disableContainerInterface: true }, /^cannot use "ip" when "disableContainerInterface" is set$/],
      [{ IP: undefined }, /^cannot convert: no valid IP addresses$/],
    ] as const) {
      const { code, msg } = await refusal(world, 'bridge', callOf({ ...JSON.parse(text), ...changes }));
      expect(code, msg).to.equal(7);
      expect(msg).to.match(complaint);
    }
    expectUnchanged(before, await world.snapshot(), { allow: [/^files \/run\/trestle\/(lock|attachments\/)?: added/] });
  });
});
