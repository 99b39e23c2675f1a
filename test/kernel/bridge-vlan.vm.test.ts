import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { sharedObjects } from '../support/leftovers';
import { needs } from '../support/needs';
import { type Config, hostEndOf, refusal, succeed } from '../support/network';
import type { Pod } from '../support/peers';
import { flat, routed } from '../support/vlan-network';
import { createWorld, type World } from '../support/world';

// biome-ignore lint/suspicious/noExplicitAny: what plugins and `bridge` print
type Json = any;

interface VlanPod extends Pod {
  result: Json;
  hostEnd: string;
  ip: string;
  ip6: string;
}

describe('VLANs of bridge', () => {
  needs('vlan filtering', '802.1q');
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  async function add(config: Config): Promise<VlanPod> {
    const pod = await world.addPod();
    const result = await succeed(world, 'bridge', { netns: pod, containerId: pod.name, config });
    const [ip = '', ip6 = ''] = (result.ips ?? []).map(({ address }: Json) => address.split('/')[0]);
    return { ...pod, result, hostEnd: hostEndOf(result), ip, ip6 };
  }

  const call = (pod: VlanPod, command: string, config: Config) => ({
    command,
    netns: pod,
    containerId: pod.name,
    config: { ...config, prevResult: pod.result },
  });

  /** A port's VLANs as `bridge vlan show` has them: "100 PVID Egress Untagged". */
  async function vlans(port: string): Promise<string[]> {
    const { stdout } = await world.run('bridge', ['-json', '-compressvlans', 'vlan', 'show', 'dev', port]);
    const [shown] = JSON.parse(stdout || '[]');
    return (shown?.vlans ?? []).map(({ vlan, vlanEnd, flags = [] }: Json) =>
      [vlanEnd ? `${vlan}-${vlanEnd}` : vlan, ...flags].join(' '),
    );
  }

  const silence = { timeoutMs: 400 };

  it('let pods of one VLAN reach each other, and keep those of different ones apart', async () => {
    const pods = await Promise.all([
      add(flat(1, { vlan: 100 })),
      add(flat(2, { vlan: 100 })),
      add(flat(3, { vlan: 200 })),
    ]);
    const [one, two, three] = pods as [VlanPod, VlanPod, VlanPod];
    // Not with the others: were it the first, it would make the bridge, and one that filters nothing.
    const none = await add(flat(4));
    expect([await world.ping(one, two.ip), await world.ping(one, two.ip6)], 'one VLAN').to.deep.equal([true, true]);
    for (const [from, to] of [
      [one, three],
      [three, two],
      [one, none],
      [none, three],
    ] as const) {
      expect(await world.ping(from, to.ip, silence), `${from.ip} to ${to.ip}`).to.equal(false);
      expect(await world.ping(from, to.ip6, silence), `${from.ip6} to ${to.ip6}`).to.equal(false);
    }
  });

  it('have a gateway each, which answers its own pods alone and routes between the VLANs', async () => {
    const [one, two] = [await add(routed(100)), await add(routed(200))];
    for (const [pod, vlan] of [
      [one, 100],
      [two, 200],
    ] as const) {
      const [bridge, , , gateway] = pod.result.interfaces;
      const [link] = await world.ip(`-details link show dev br0.${vlan}`);
      expect(gateway).to.deep.equal({ name: `br0.${vlan}`, mac: link.address });
      expect([link.linkinfo.info_kind, link.mtu, link.address === bridge.mac]).to.deep.equal(['veth', 1500, false]);
      expect(pod.result.ips.map(({ gateway, interface: index }: Json) => [gateway, index])).to.deep.equal([
        [`10.${vlan}.0.1`, 2],
        [`fd00:${vlan}::1`, 2],
      ]);
      expect(await vlans(link.link)).to.include(`${vlan} PVID Egress Untagged`);
      expect(await world.ping(pod, `10.${vlan}.0.1`)).to.equal(true);
      expect(await world.ping(pod, `fd00:${vlan}::1`)).to.equal(true);
    }
    expect((await world.ip('-4 address show dev br0'))[0]?.addr_info ?? [], 'addresses of br0').to.deep.equal([]);
    expect([await world.ping(one, two.ip), await world.ping(one, two.ip6)], 'by routing').to.deep.equal([true, true]);
  });

  it('leave a port in the default VLAN, or with preserveDefaultVlan false in its own alone', async () => {
    const kept = await add(flat(1, { vlan: 100 }));
    const alone = await add(flat(2, { vlan: 100, preserveDefaultVlan: false }));
    const trunk = await add(flat(3, { vlanTrunk: [{ id: 7 }] }));
    const tagged = await add(flat(4, { vlanTrunk: [{ id: 7 }], preserveDefaultVlan: false }));
    const plain = await add(flat(5));
    expect(await vlans(kept.hostEnd)).to.deep.equal(['1 Egress Untagged', '100 PVID Egress Untagged']);
    expect(await vlans(alone.hostEnd)).to.deep.equal(['100 PVID Egress Untagged']);
    expect(await vlans(trunk.hostEnd)).to.deep.equal(['1 PVID Egress Untagged', '7']);
    expect(await vlans(tagged.hostEnd)).to.deep.equal(['7']);
    expect(await vlans(plain.hostEnd)).to.deep.equal(['1 PVID Egress Untagged']);
  });

  it('reach a pod that has them as a trunk, by their tags, and its own without one', async () => {
    const trunk = await add(flat(1, { vlan: 300, vlanTrunk: [{ minID: 100, maxID: 199 }, { id: 250 }] }));
    expect(await vlans(trunk.hostEnd)).to.deep.equal([
      '1 Egress Untagged',
      '100-199',
      '250',
      '300 PVID Egress Untagged',
    ]);
    const pods: [VlanPod, number][] = [];
    for (const [i, vlan] of [100, 199, 250].entries()) pods.push([await add(flat(10 + i, { vlan })), vlan]);
    const outside = await add(flat(20, { vlan: 200 }));
    const own = await add(flat(21, { vlan: 300 }));
    for (const [pod, vlan] of pods) {
      await world.ip(`link add link eth0 name eth0.${vlan} type vlan id ${vlan}`, trunk);
      await world.ip(`link set eth0.${vlan} up`, trunk);
      await world.ip(`route add ${pod.ip}/32 dev eth0.${vlan} src ${trunk.ip}`, trunk);
      expect(await world.ping(trunk, pod.ip), `tagged ${vlan}`).to.equal(true);
    }
    expect(await world.ping(trunk, own.ip), 'untagged').to.equal(true);
    await world.ip('link add link eth0 name eth0.200 type vlan id 200', trunk);
    await world.ip('link set eth0.200 up', trunk);
    await world.ip(`route add ${outside.ip}/32 dev eth0.200 src ${trunk.ip}`, trunk);
    expect(await world.ping(trunk, outside.ip, silence), 'not in the trunk').to.equal(false);
  });

  it('are an error before any change where the bridge filters none', async () => {
    await add(flat(1));
    const pod = await world.addPod();
    const before = await world.snapshot();
    for (const [config, key] of [
      [flat(2, { vlan: 100 }), '"vlan"'],
      [flat(2, { vlanTrunk: [{ id: 5 }] }), '"vlanTrunk"'],
    ] as const) {
      const { msg, details } = await refusal(world, 'bridge', { netns: pod, containerId: 'two', config });
      expect([msg, details]).to.deep.equal([
        `bridge "br0" does not filter VLANs, which ${key} needs`,
        'ip link set br0 type bridge vlan_filtering 1',
      ]);
    }
    expectUnchanged(before, await world.snapshot());
    await world.ip('link set br0 type bridge vlan_filtering 1');
    await add(flat(2, { vlan: 100 }));
  });

  it("go with the administrator's bridge and its own default VLAN", async () => {
    await world.ip('link add br0 type bridge vlan_filtering 1 vlan_default_pvid 9');
    await world.ip('link set br0 up');
    expect(await vlans((await add(flat(1, { vlan: 100 }))).hostEnd)).to.deep.equal([
      '9 Egress Untagged',
      '100 PVID Egress Untagged',
    ]);
    const alone = await add(flat(2, { vlan: 100, preserveDefaultVlan: false }));
    expect(await vlans(alone.hostEnd)).to.deep.equal(['100 PVID Egress Untagged']);
  });

  it('are gone with the pod, and nothing but what is shared is left', async () => {
    const first = await add(routed(100));
    const before = await world.snapshot();
    const pod = await add(routed(100, { vlanTrunk: [{ minID: 2, maxID: 99 }], ipMasq: true }));
    expect(pod.result.interfaces[3]).to.deep.equal(first.result.interfaces[3]);
    await succeed(world, 'bridge', call(pod, 'DEL', routed(100)));
    await world.removePod(pod);
    expectUnchanged(before, await world.snapshot(), { allow: sharedObjects('br0') });
    expect(await world.ping(first, '10.100.0.1'), 'the gateway stays').to.equal(true);
  });

  it('are made by twelve ADDs at once, with one gateway', async () => {
    const pods = await Promise.all(Array.from({ length: 12 }, (_, i) => add(routed(i % 2 === 0 ? 100 : 200))));
    const links = (await world.ip('link show')).map(({ ifname }) => ifname);
    expect(links, 'lo, bridge, 2 gateways with ports, 12 host ends').to.have.length(1 + 1 + 4 + 12);
    for (const pod of pods) {
      const { gateway } = pod.result.ips[0];
      expect(await world.ping(pod, gateway)).to.equal(true);
    }
  });

  it('are repaired where an ADD was killed while it made their gateway', async () => {
    const first = await add(routed(100));
    const [{ link: port }] = await world.ip('link show dev br0.100');
    await succeed(world, 'bridge', call(first, 'DEL', routed(100)));
    for (const state of [
      ['link set br0.100 down', 'address flush dev br0.100'],
      ['link set br0.100 down', 'address flush dev br0.100', `vlan del dev ${port} vid 100`],
      ['link delete br0.100'],
    ]) {
      for (const command of state) {
        const [program, rest] = command.startsWith('vlan') ? ['bridge', command] : ['ip', command];
        expect((await world.run(program ?? '', (rest ?? '').split(' '))).code, command).to.equal(0);
      }
      const pod = await add(routed(100));
      expect([await world.ping(pod, '10.100.0.1'), await world.ping(pod, 'fd00:100::1')]).to.deep.equal([true, true]);
      await succeed(world, 'bridge', call(pod, 'DEL', routed(100)));
    }
  });
});
