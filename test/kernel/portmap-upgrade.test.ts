import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping } from '../support/leftovers';
import { nft } from '../support/masquerading';
import { succeed } from '../support/network';
import type { Outside } from '../support/outside';
import { referencePlugins } from '../support/plugins';
import { ask, serve, unheard } from '../support/port-peer';
import { attach, bridgeCall, bridged, chain, chainOn, detach, type Mapped, portmapCall } from '../support/portmapping';
import { referenceNft, savedTables } from '../support/reference-portmap';
import type { Snapshot } from '../support/snapshot';
import { createWorld, type World } from '../support/world';

const on = (hostPort: number) => [
  { hostPort, containerPort: 80, protocol: 'tcp' },
  { hostPort, containerPort: 80, protocol: 'udp' },
  { hostPort: hostPort + 1, containerPort: 80, protocol: 'tcp', hostIP: '192.0.2.1' },
];

describe('A pod that the reference attached with portmap', () => {
  let world: World;
  let outside: Outside;
  let neighbour: Mapped;

  beforeEach(async () => {
    world = await createWorld();
    outside = await world.addOutside();
    neighbour = await attachOld('neighbour', 9000);
    await serve(world, neighbour.pod, 'neighbour', [80]);
    // With it the index of leases begins, and what the daemon keeps.
    await succeed(world, 'bridge', { command: 'DEL', containerId: 'never', config: chain().bridge });
  });

  afterEach(() => world.close());

  const attachOld = (containerId: string, hostPort: number) =>
    attach(world, { containerId, chain: chain(), mappings: on(hostPort), plugins: referencePlugins });

  /** Attached by the reference, for our plugins to remove. */
  async function old(): Promise<Mapped> {
    const { plugins: _, ...mapped } = await attachOld('old', 8080);
    return mapped;
  }

  async function expectNeighbour(): Promise<void> {
    for (const [index, address] of outside.hostIps.entries())
      for (const protocol of ['tcp', 'udp'] as const)
        expect(await ask(world, outside, { address, port: 9000, protocol })).to.equal(
          `neighbour ${outside.ips[index]}`,
        );
  }

  /** `remove` is to leave the node as it was before the pod was. */
  async function expectGone(remove: (pod: Mapped) => Promise<void>): Promise<void> {
    const [saved, before] = [await savedTables(world), await world.snapshot()];
    const pod = await old();
    expect(await savedTables(world)).to.include('id: \\"old\\"');
    await remove(pod);
    expect(await savedTables(world)).to.equal(saved);
    await succeed(world, 'bridge', bridgeCall(pod, 'DEL'));
    // The reference's bridge has its IPv6 address when nobody else turns out to.
    const allow = [...bookkeeping, /^namespaces old: /, /^namespaces host routes: added (local|anycast) fd00:/];
    expectUnchanged(before, await world.snapshot(), { allow });
    await expectNeighbour();
  }

  it('DEL leaves nothing of it, and what other pods have; iptables-save works all the time', () =>
    expectGone((pod) => succeed(world, 'portmap', portmapCall(pod, 'DEL'))));

  it('DEL needs no prevResult, no mappings and no namespace, and may come again', () =>
    expectGone(async (pod) => {
      const { config: _, ...call } = portmapCall(pod, 'DEL');
      await world.removePod(pod.pod);
      for (let times = 0; times < 2; times++) await succeed(world, 'portmap', { ...call, config: chain().portmap });
    }));

  it('DEL of a pod of ours leaves the rules of one that has the same ID in another network', async () => {
    await old();
    const saved = await savedTables(world);
    const two = chainOn('br1', 'two', ['10.2.0.0/24', 'fd00:2::/64']);
    const pod = await world.addPod('again');
    await detach(world, await attach(world, { containerId: 'old', pod, chain: two, mappings: on(8090) }));
    expect(await savedTables(world)).to.equal(saved);
  });

  it('DEL of the last one lets the reference attach the next, and it leaves nothing there either', async () => {
    await succeed(world, 'portmap', portmapCall(neighbour, 'DEL'));
    const { plugins: _, ...mine } = neighbour;
    const saved = await savedTables(world);
    await succeed(world, 'portmap', portmapCall(mine, 'DEL'));
    expect(await savedTables(world)).to.equal(saved);
    const next = await attachOld('next', 9100);
    expect(await savedTables(world)).to.include('id: \\"next\\"');
    await detach(world, next);
    expect(await savedTables(world)).to.equal(saved);
  });

  it('goes on beside one of ours', async () => {
    const ours = await attach(world, { containerId: 'ours', chain: chain(), mappings: on(8080) });
    await serve(world, ours.pod, 'ours', [80]);
    for (const address of outside.hostIps)
      expect(await ask(world, outside, { address, port: 8080, protocol: 'tcp' })).to.match(/^ours /);
    await expectNeighbour();
    const question = { address: '127.0.0.1', protocol: 'tcp' } as const;
    expect(await ask(world, 'host', { ...question, port: 9000 })).to.equal('neighbour 10.1.2.1');
    expect(await ask(world, 'host', { ...question, port: 8080 })).to.equal('ours 10.1.2.1');
    await detach(world, ours);
    await expectNeighbour();
  });
});

describe('A pod that the reference attached with the nftables backend of portmap', () => {
  let world: World;
  let pod: Mapped;
  let rulesOfOthers: Snapshot;
  const others = [
    { containerId: 'old', ips: ['10.9.9.9', 'fd00:9::9'], hostPort: 9090 },
    { containerId: 'neighbour', ips: ['10.1.2.3', 'fd00:1:2::3'], hostPort: 9091 },
  ] as const;

  beforeEach(async () => {
    world = await createWorld();
    pod = await bridged(world, { containerId: 'old', chain: chain(), mappings: on(8080) });
    await nft(world, referenceNft(others));
    rulesOfOthers = await world.snapshot();
    const ips = pod.ips as unknown as [string, string];
    const hostIps = ['192.0.2.1', '2001:db8::1'] as const;
    const mine = [
      { containerId: 'old', ips, hostPort: 8080 },
      { containerId: 'old', ips, hostPort: 8081, hostIps },
    ];
    await nft(
      world,
      `delete table ip cni_hostport; delete table ip6 cni_hostport; ${referenceNft([...mine, ...others])}`,
    );
  });

  afterEach(() => world.close());

  it("loses the rules of this network with a DEL, and keeps those of another of its networks', and others theirs", async () => {
    for (let times = 0; times < 2; times++) await succeed(world, 'portmap', portmapCall(pod, 'DEL'));
    expectUnchanged(rulesOfOthers, await world.snapshot(), { allow: bookkeeping });
  });

  it('is no more reached by its port', async () => {
    const outside = await world.addOutside();
    await serve(world, pod.pod, 'old', [80]);
    const questions = outside.hostIps.map((address) => ({ address, port: 8080, protocol: 'tcp' as const }));
    for (const question of questions) expect(await ask(world, outside, question)).to.match(/^old /);
    await succeed(world, 'portmap', portmapCall(pod, 'DEL'));
    for (const question of questions) expect(await ask(world, outside, { ...question, ...unheard })).to.equal('nobody');
  });
});
