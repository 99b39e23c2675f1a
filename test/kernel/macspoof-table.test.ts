import { expect } from 'chai';
import { attach, guarded, guards, table } from '../support/guarding';
import { nft } from '../support/masquerading';
import { bridgeNetwork, hostLocal, succeed } from '../support/network';
import { trafficOf } from '../support/traffic';
import { createWorld, type World } from '../support/world';

describe("macspoofchk's table", () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  const listing = () => nft(world, `list table ${table}`);

  it('says in words what it does and whose each element is', async () => {
    const { hostEnd, mac } = await attach(world, 'c1', guarded());
    expect((await listing()).replaceAll(/\s+/g, ' ').trim()).to.equal(
      [
        `table ${table} { comment "trestle schema 1"`,
        `set guarded { type ifname comment "links that may send from one MAC only" elements = { "${hostEnd}" comment "c1 eth0" } }`,
        `set allowed { type ifname . ether_addr comment "and from which" elements = { "${hostEnd}" . ${mac} comment "c1 eth0" } }`,
        'chain prerouting { type filter hook prerouting priority dstnat - 10; policy accept;',
        'iifname @guarded iifname . ether saddr != @allowed drop comment "a pod sends from its own MAC only" } }',
      ].join(' '),
    );
  });

  it('can be saved and restored by an administrator', async () => {
    await attach(world, 'c1', guarded());
    const saved = await listing();
    await nft(world, `delete table ${table}\n${saved}`);
    expect(await listing()).to.equal(saved);
  });

  it('is not made where no network asks for it', async () => {
    await attach(world, 'c1', bridgeNetwork());
    expect((await world.run('nft', ['list', 'tables'])).stdout).to.equal('');
  });

  it('has one rule for a hundred interfaces of two networks', async function () {
    this.timeout(120_000);
    const networks = [
      guarded(),
      guarded({ name: 'net2', bridge: 'br2', ipam: hostLocal([{ subnet: '10.2.0.0/24' }]) }),
    ];
    const pods = await Promise.all(Array.from({ length: 50 }, () => world.addPod()));
    const calls = pods.flatMap((netns, index) =>
      networks.map((config, eth) => ({ netns, containerId: `c${index}`, ifname: `eth${eth}`, config })),
    );
    const lane = async () => {
      for (let call = calls.pop(); call; call = calls.pop()) await succeed(world, 'bridge', call);
    };
    await Promise.all(Array.from({ length: 4 }, lane));
    const made = await guards(world);
    expect(made.rules).to.equal(1);
    expect(new Set(made.guarded)).to.have.property('size', 100);
    expect(new Set(made.allowed)).to.have.property('size', 100);
  });

  it('costs an ADD and a DEL the same with one pod and with 10,000', async () => {
    await attach(world, 'first', guarded());
    const config = guarded();
    const cost = async (containerId: string) => {
      const call = { netns: await world.addPod(), containerId, config };
      return { add: await trafficOf(world, call), del: await trafficOf(world, { ...call, command: 'DEL' }) };
    };
    const before = await cost('before');
    const names = Array.from({ length: 10_000 }, (_, n) => `"v${n}"`);
    await nft(world, `add element ${table} guarded { ${names.join(',')} }`);
    const pairs = names.map((name) => `${name} . 02:00:00:00:00:01`);
    await nft(world, `add element ${table} allowed { ${pairs.join(',')} }`);
    const after = await cost('after');
    for (const command of ['add', 'del'] as const) {
      // What waiting for the port may add: a question and its answer, once or twice.
      expect(after[command].sent, command).to.be.closeTo(before[command].sent, 3);
      expect(after[command].bytesRead, command).to.be.closeTo(before[command].bytesRead, 6_000);
    }
  });
});
