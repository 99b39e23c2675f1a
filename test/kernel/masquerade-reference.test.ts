import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping } from '../support/leftovers';
import { masqueraded, nft } from '../support/masquerading';
import { type Config, hostLocal, ranges, refusal, succeed } from '../support/network';
import type { Pod } from '../support/peers';
import { referencePlugins } from '../support/plugins';
import type { Snapshot } from '../support/snapshot';
import { trafficOf } from '../support/traffic';
import { createWorld, type World } from '../support/world';

interface Attached {
  containerId: string;
  netns: Pod;
  config: Config;
}

/** On a node where the reference has attached another pod of the network, too. */
describe('A pod that the reference attached with ipMasq', () => {
  let world: World;
  let before: Snapshot;
  let iptablesBefore: string;
  const network = masqueraded();

  beforeEach(async () => {
    world = await createWorld();
    // The reference's gateway is tentative for a second or two, after which the kernel adds routes of its own.
    await world.run('sh', ['-c', 'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad']);
    await attach('neighbour');
    // With it the index of leases begins, which knows the neighbour's then.
    await remove({ containerId: 'never', config: network });
    before = await world.snapshot();
    iptablesBefore = await iptables();
  });
  afterEach(() => world.close());

  const iptables = async () =>
    (await world.run('sh', ['-c', 'iptables-save -t nat; ip6tables-save -t nat'])).stdout.replaceAll(/^#.*\n/gm, '');

  /** By the reference; as a runtime will call DEL, with prevResult. */
  async function attach(containerId = 'old', config: Config = network): Promise<Attached> {
    const netns = await world.addPod(containerId);
    const call = { containerId, netns, config };
    const prevResult = await succeed(world, 'bridge', { ...call, plugins: referencePlugins });
    expect(await iptables()).to.include(`id: \\"${containerId}\\"`);
    return { ...call, config: { ...config, prevResult } };
  }

  const remove = ({ containerId, netns, config }: Omit<Attached, 'netns'> & { netns?: Pod }) =>
    succeed(world, 'bridge', { command: 'DEL', containerId, config, ...(netns && { netns }) });

  async function expectNothingLeft(): Promise<void> {
    expect(await iptables()).to.equal(iptablesBefore);
    expectUnchanged(before, await world.snapshot(), { allow: [...bookkeeping, /^namespaces old: /] });
  }

  for (const [what, ...sets] of [
    ['an IPv4 address', ranges.ipv4],
    ['an IPv6 address', ranges.ipv6],
    ['both', ranges.ipv4, ranges.ipv6],
  ] as const) {
    it(`with ${what}: DEL leaves nothing of it and keeps its neighbours' rules, and so does another`, async () => {
      const pod = await attach('old', masqueraded({ ipam: hostLocal(...sets) }));
      await remove(pod);
      await expectNothingLeft();
      await remove(pod);
      await expectNothingLeft();
    });
  }

  it('DEL needs no prevResult', async () => {
    await remove({ ...(await attach()), config: network });
    await expectNothingLeft();
  });

  it('DEL needs neither the namespace nor prevResult', async () => {
    for (const gone of [false, true]) {
      const { netns, ...pod } = await attach();
      await world.removePod(netns);
      await remove({ ...pod, config: network, ...(gone && { netns }) });
      await expectNothingLeft();
    }
  });

  it('DEL does with a configuration that has faults and its keys in capitals', async () => {
    const { ipMasq, ...rest } = network;
    await remove({ ...(await attach()), config: { ...rest, IPMASQ: ipMasq, mtu: 'large', vlan: {} } });
    await expectNothingLeft();
  });

  it('DEL lets the reference attach and delete the next pod', async () => {
    await remove(await attach());
    const { netns, ...next } = await attach('next');
    expect(await iptables()).to.not.equal(iptablesBefore);
    await succeed(world, 'bridge', { ...next, netns, command: 'DEL', plugins: referencePlugins });
    await world.removePod(netns);
    await expectNothingLeft();
  });

  it("DEL leaves the table's own chains, empty, where it was the last one", async () => {
    await remove({
      containerId: 'neighbour',
      netns: { name: 'neighbour', path: '/run/netns/neighbour' },
      config: network,
    });
    expect((await iptables()).match(/^:.*|^-A.*/gm)).to.deep.equal(
      Array(2)
        .fill([':PREROUTING', ':INPUT', ':OUTPUT', ':POSTROUTING'].map((chain) => `${chain} ACCEPT [0:0]`))
        .flat(),
    );
  });

  it("CHECK takes the reference's rules for its masquerading, and says whose address has none any more", async () => {
    const { netns, containerId, config } = await attach();
    const check = { command: 'CHECK', netns, containerId, config };
    await succeed(world, 'bridge', check);
    await world.run('ip6tables', ['-t', 'nat', '-F', 'POSTROUTING']);
    const { code, msg } = await refusal(world, 'bridge', check);
    expect(code).to.equal(101);
    expect(msg)
      .to.match(/lacks fd00:1:2::3$/)
      .and.not.include('10.1.2.3');
  });

  describe('DEL costs the same without other rules and with 1,000 of them', () => {
    const rules = Array.from({ length: 1_000 }, (_, n) => `ip daddr 10.9.${n >> 8}.${n & 255} counter accept`);
    const add = (chain: string) => nft(world, `table ip nat { chain ${chain} {\n${rules.join('\n')}\n }\n }`);
    const costOf = async (pod: Attached) => trafficOf(world, { ...pod, command: 'DEL' });

    it('in a chain of their own', async () => {
      const few = await costOf(await attach());
      await add('SERVICES');
      const many = await costOf(await attach('other'));
      expect(many.sent).to.be.within(1, few.sent);
      expect(many.bytesRead).to.be.closeTo(few.bytesRead, 500);
    });

    it('in POSTROUTING, where the reference has not attached the pod', async () => {
      const never = { containerId: 'never', netns: await world.addPod('never'), config: network };
      const few = await costOf(never);
      await add('POSTROUTING');
      const many = await costOf(never);
      expect(many).to.deep.equal(few);
    });
  });
});
