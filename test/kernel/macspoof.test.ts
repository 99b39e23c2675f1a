import { expect } from 'chai';
import {
  type Attached,
  attach,
  changeMac,
  framesFrom,
  guarded,
  sendFrame,
  sendTo,
  type Target,
} from '../support/guarding';
import { bridgeNetwork, hostLocal } from '../support/network';
import { createWorld, type World } from '../support/world';

/** A MAC that nobody has. */
const nobodys = '02:00:00:00:00:66';
const none = { arp: 0, ip: 0, ip6: 0, any: 0 };

describe('macspoofchk', () => {
  let world: World;
  let one: Attached;
  let two: Attached;
  let free: Attached;
  let elsewhere: Attached;
  let gateway: Target;
  let gateway2: Target;
  const network2 = guarded({ name: 'net2', bridge: 'br2', ipam: hostLocal([{ subnet: '10.2.0.0/24' }]) });

  before(async () => {
    world = await createWorld();
    [one, two] = [await attach(world, 'one', guarded()), await attach(world, 'two', guarded())];
    free = await attach(world, 'free', bridgeNetwork());
    elsewhere = await attach(world, 'elsewhere', network2);
    gateway = { mac: one.result.interfaces[0].mac, ips: ['10.1.2.1', 'fd00:1:2::1'] };
    gateway2 = { mac: elsewhere.result.interfaces[0].mac, ips: ['10.2.0.1'] };
  });

  after(() => world.close());

  afterEach(async () => {
    for (const attached of [one, two, free, elsewhere]) await changeMac(world, attached, attached.mac);
  });

  const ipsOfAll = (targets: Target[]) => targets.flatMap(({ ips }) => ips);

  /** Which of the targets' addresses answer. */
  async function answered({ pod }: Attached, ...targets: Target[]): Promise<string[]> {
    const ips = ipsOfAll(targets);
    const answers = await Promise.all(ips.map((ip) => world.ping(pod, ip, { timeoutMs: 2_000 })));
    return ips.filter((_, index) => answers[index]);
  }

  const framesTo = (sender: Attached, ...targets: Target[]) =>
    framesFrom(world, sender, () => sendTo(world, sender, targets));

  /** The port of br0 behind which the bridge has seen a MAC last. */
  async function portOf(mac: string): Promise<string | undefined> {
    const { stdout } = await world.run('bridge', ['-json', 'fdb', 'show', 'br', 'br0']);
    // biome-ignore lint/suspicious/noExplicitAny: iproute2's own shape
    return JSON.parse(stdout).find((entry: any) => entry.mac === mac && !entry.flags?.includes('self'))?.ifname;
  }

  it('lets through what pods send from their own MACs', async () => {
    for (const [sender, ...others] of [
      [one, gateway, two, free],
      [two, gateway, one, free],
      [free, gateway, one, two],
    ] as const)
      expect(await answered(sender, ...others)).to.deep.equal(ipsOfAll(others));
    const { any, ...known } = await framesTo(one, gateway, two, free);
    for (const count of Object.values(known)) expect(count).to.be.above(2);
    expect(any).to.be.least(known.arp + known.ip + known.ip6);
  });

  it('drops ARP, IPv4 and IPv6 from another MAC, to the gateway and to other pods', async () => {
    await changeMac(world, one, nobodys);
    expect(await framesTo(one, gateway, two, free)).to.deep.equal(none);
    expect(await answered(one, gateway)).to.deep.equal([]);
    await changeMac(world, one, one.mac);
    expect(await answered(one, gateway, two, free)).to.deep.equal(ipsOfAll([gateway, two, free]));
  });

  it("drops what a pod sends from another pod's MAC, which the bridge goes on sending to that other", async () => {
    await changeMac(world, one, two.mac);
    expect(await framesTo(one, gateway, free)).to.deep.equal(none);
    expect(await answered(free, two)).to.deep.equal(two.ips);
    expect(await portOf(two.mac)).to.equal(two.hostEnd);
  });

  for (const to of ['00', '02', '03', '0e'].map((last) => `01:80:c2:00:00:${last}`))
    it(`does not let a pod draw the frames of another to itself by one to ${to}`, async () => {
      await answered(two, gateway);
      await sendFrame(world, one, to, two.mac, '88cc');
      expect(await portOf(two.mac)).to.equal(two.hostEnd);
    });

  it("drops what a pod sends from the bridge's MAC, and from that of its own other end", async () => {
    for (const mac of [gateway.mac, one.result.interfaces[1].mac]) {
      await changeMac(world, one, mac);
      expect(await framesTo(one, two)).to.deep.equal(none);
    }
  });

  it("drops frames of every kind, and lets them through from the pod's own MAC", async () => {
    const unknown = '88b5';
    const vlan = '810000070800';
    const qinq = '88a80007810000080800';
    const llc = '0010aaaa03';
    const sendAll = (source: string) => async () => {
      for (const rest of [unknown, vlan, qinq, llc])
        for (const to of ['ff:ff:ff:ff:ff:ff', '01:00:5e:01:02:03', two.mac])
          await sendFrame(world, one, to, source, rest);
    };
    // What the kernel sends by itself meanwhile has this source, too.
    await changeMac(world, one, nobodys);
    expect(await framesFrom(world, one, sendAll(nobodys))).to.deep.equal(none);
    expect(await framesFrom(world, one, sendAll(one.mac))).to.deep.equal({ ...none, any: 12 });
  });

  it('leaves a pod of a network without it alone, on the same bridge', async () => {
    await changeMac(world, free, nobodys);
    const { any: _, ...known } = await framesTo(free, gateway, one, two);
    for (const count of Object.values(known)) expect(count).to.be.above(2);
    expect(await answered(free, gateway, one, two)).to.deep.equal(ipsOfAll([gateway, one, two]));
  });

  it('guards the pods of every network, on bridges of their own', async () => {
    expect(await answered(elsewhere, gateway2)).to.deep.equal(gateway2.ips);
    await changeMac(world, elsewhere, one.mac);
    expect(await framesTo(elsewhere, gateway2)).to.deep.equal(none);
    expect(await answered(one, gateway)).to.deep.equal(gateway.ips);
  });

  for (const [where, config, args] of [
    ['runtimeConfig', { runtimeConfig: { mac: 'C2-11-22-33-44-01' } }],
    ['args.cni', { args: { cni: { mac: 'c2:11:22:33:44:02' } } }],
    ['CNI_ARGS', {}, 'IgnoreUnknown=1;MAC=c2:11:22:33:44:03'],
  ] as const)
    it(`allows the MAC that ${where} asks for, and no other`, async () => {
      const asked = await attach(world, `asked-${where}`, guarded(config), args);
      expect(asked.mac).to.match(/^c2:11:22:33:44:0\d$/);
      expect(await answered(asked, gateway)).to.deep.equal(gateway.ips);
      await changeMac(world, asked, nobodys);
      expect(await framesTo(asked, gateway)).to.deep.equal(none);
    });
});
