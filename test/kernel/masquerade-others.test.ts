import { expect } from 'chai';
import { contents, masqueraded, nft, sourceOf, table } from '../support/masquerading';
import { succeed } from '../support/network';
import type { Outside } from '../support/outside';
import type { EchoPeer, Pod } from '../support/peers';
import { createWorld, type World } from '../support/world';

describe("ipMasq beside an administrator's rules", () => {
  let world: World;
  let outside: Outside;
  let peers: EchoPeer[];
  /** What an administrator translates to. */
  const chosen = ['192.0.2.99', '2001:db8::99'];

  beforeEach(async () => {
    world = await createWorld();
    outside = await world.addOutside();
    peers = await Promise.all(outside.ips.map((ip) => world.echo(outside, ip)));
    // Deprecated (RFC 6724, rule 3), so that the kernel takes it for nothing but what the administrator says.
    for (const [index, address] of chosen.entries())
      await world.ip(`address add ${address}/${[32, 128][index]} dev ${outside.hostLink} preferred_lft 0`);
  });

  afterEach(() => world.close());

  const addPod = async (containerId = 'c1') => {
    const netns = await world.addPod();
    await succeed(world, 'bridge', { netns, containerId, config: masqueraded() });
    return netns;
  };
  const sourcesSeen = (pod: Pod) => Promise.all(peers.map((peer) => sourceOf(world, pod, peer)));
  const chainAt100 = (rules: string) =>
    nft(world, `table inet admin { chain nat { type nat hook postrouting priority srcnat; ${rules}\n }\n }`);
  const snat = `ip daddr 192.0.2.2 snat ip to ${chosen[0]}; ip6 daddr 2001:db8::2 snat ip6 to ${chosen[1]};`;

  it('translates as a chain at srcnat says that was there before it', async () => {
    await chainAt100(snat);
    expect(await sourcesSeen(await addPod())).to.deep.equal(chosen);
  });

  it('translates as a chain at srcnat says that came after it', async () => {
    const pod = await addPod();
    await chainAt100(snat);
    expect(await sourcesSeen(pod)).to.deep.equal(chosen);
  });

  it('translates as a rule of iptables says, and leaves the rules of iptables as they are', async () => {
    for (const [iptables, address] of [
      ['iptables', chosen[0]],
      ['ip6tables', chosen[1]],
    ] as const) {
      const rules = ['-p udp -j MASQUERADE', `-j SNAT --to-source ${address}`];
      for (const rule of rules) await world.run(iptables, ['-t', 'nat', '-A', 'POSTROUTING', ...rule.split(' ')]);
    }
    const ownRules = async () => (await world.run('nft', ['list', 'ruleset'])).stdout.split(`table ${table}`)[0];
    const before = (await ownRules())?.replaceAll(/packets \d+ bytes \d+/g, '');
    const pod = await addPod();
    const tcp = await Promise.all(peers.map((peer) => world.sourceSeenBy(peer, pod, { timeoutMs: 10_000 })));
    expect(tcp).to.deep.equal(chosen);
    await succeed(world, 'bridge', { command: 'DEL', netns: pod, containerId: 'c1', config: masqueraded() });
    expect((await ownRules())?.replaceAll(/packets \d+ bytes \d+/g, '')).to.equal(before);
  });

  it('masquerades in spite of an accept at srcnat, which ends that chain only', async () => {
    await chainAt100('accept;');
    expect(await sourcesSeen(await addPod())).to.deep.equal(outside.hostIps);
  });

  it('masquerades nothing that an accept in its own chain spares, also after the next ADD', async () => {
    await addPod('earlier');
    for (const exempt of ['ip daddr 192.0.2.0/24', 'ip6 daddr 2001:db8::/64'])
      await nft(world, `insert rule ${table} postrouting ${exempt} accept`);
    const pod = await addPod();
    expect(await sourcesSeen(pod)).to.deep.equal(['10.1.2.3', 'fd00:1:2::3']);
  });
});

describe('ipMasq and other writers', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  it('loses and leaves nothing while others change the ruleset all the time', async () => {
    const many = 20;
    const pods = await Promise.all(Array.from({ length: many }, () => world.addPod()));
    const calls = pods.map((netns, index) => ({ netns, containerId: `c${index}`, config: masqueraded() }));
    const all = async (command: string) => {
      const write =
        'for i in $(seq 50); do nft "add table inet other; add chain inet other c" && nft delete table inet other || exit; done';
      const [writer] = await Promise.all([
        world.run('sh', ['-c', write]),
        ...calls.map((call) => succeed(world, 'bridge', { ...call, command })),
      ]);
      expect(writer).to.include({ code: 0, stderr: '' });
    };
    await all('ADD');
    const { elements, ...counts } = await contents(world);
    expect(counts).to.deep.equal({ sets: 2, rules: 2 });
    expect(elements).to.have.length(2 * many);
    await all('DEL');
    expect((await contents(world)).elements).to.deep.equal([]);
    expect((await world.ip('link show type veth')).length).to.equal(0);
  });
});
