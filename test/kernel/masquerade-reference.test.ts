import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping } from '../support/leftovers';
import { masqueraded, nft } from '../support/masquerading';
import { type Config, hostLocal, ranges, succeed } from '../support/network';
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

/** The chains of other containers of the network, and of the nodes' other users, are there all the time. */
describe('DEL of a pod that the reference attached with ipMasq', () => {
  let world: World;
  let before: Snapshot;
  let iptablesBefore: string;
  const network = masqueraded();

  beforeEach(async () => {
    world = await createWorld();
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
    it(`leaves nothing of it and keeps its neighbours' rules: one with ${what}, and again`, async () => {
      const pod = await attach('old', masqueraded({ ipam: hostLocal(...sets) }));
      await remove(pod);
      await expectNothingLeft();
      await remove(pod);
      await expectNothingLeft();
    });
  }

  it('needs no prevResult', async () => {
    await remove({ ...(await attach()), config: network });
    await expectNothingLeft();
  });

  it('needs neither the namespace nor prevResult', async () => {
    for (const gone of [false, true]) {
      const { netns, ...pod } = await attach();
      await world.removePod(netns);
      await remove({ ...pod, config: network, ...(gone && { netns }) });
      await expectNothingLeft();
    }
  });

  it('needs no configuration without faults, nor one in any case', async () => {
    const { ipMasq, ...rest } = network;
    await remove({ ...(await attach()), config: { ...rest, IPMASQ: ipMasq, mtu: 'large', vlan: {} } });
    await expectNothingLeft();
  });

  it('lets the reference attach the next pod, and is the same as its own DEL', async () => {
    await remove(await attach());
    const { netns, ...next } = await attach('next');
    expect(await iptables()).to.not.equal(iptablesBefore);
    await succeed(world, 'bridge', { ...next, netns, command: 'DEL', plugins: referencePlugins });
    await world.removePod(netns);
    await expectNothingLeft();
  });

  it("leaves the table's empty chains where it was the last one, as the reference does", async () => {
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

  describe('costs the same without other rules and with 1,000 of them', () => {
    const rules = Array.from({ length: 1_000 }, (_, n) => `ip daddr 10.9.${n >> 8}.${n & 255} counter accept`);
    const add = (chain: string) => nft(world, `table ip nat { chain ${chain} {\n${rules.join('\n')}\n }\n }`);
    const costOf = async (pod: Attached) => trafficOf(world, { ...pod, command: 'DEL' });

    it('in a chain of their own', async () => {
      const few = await costOf(await attach());
      await add('SERVICES');
      const many = await costOf(await attach('other'));
      expect(many.sent).to.be.within(10, few.sent);
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
