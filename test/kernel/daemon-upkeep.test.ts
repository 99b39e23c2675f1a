import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type Daemon, startDaemon } from '../support/daemon';
import { contents, nft } from '../support/masquerading';
import { attach, chain, elementsOf, type Mapped, table } from '../support/portmapping';
import { createWorld, type World } from '../support/world';

const mappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }];

describe('Tables of which a daemon takes care', () => {
  let world: World;
  let daemon: Daemon;
  let pods: Mapped[];

  before(async () => {
    world = await createWorld();
    daemon = await startDaemon(world.keeper, world.plugins);
    pods = [
      await attach(world, { containerId: 'one', chain: chain(), mappings }),
      await attach(world, { containerId: 'two', chain: chain(), mappings: [{ ...mappings[0], hostPort: 8081 }] }),
    ];
  });

  after(async () => {
    expect(await daemon.end()).to.deep.equal({ code: 0, signal: null, stderr: '' });
    await world.close();
  });

  const rules = async () =>
    (await world.run('nft', ['list', 'ruleset'])).stdout.split('\n').filter((line) => line.includes(' comment "'));
  const state = async () => ({
    elements: await Promise.all(pods.map(({ containerId }) => elementsOf(world, containerId))),
    masqueraded: await contents(world),
    rules: (await rules()).sort(),
  });
  async function becomes(wanted: unknown, what: () => Promise<unknown>): Promise<void> {
    for (const ends = Date.now() + 10_000; Date.now() < ends; await sleep(20))
      if (JSON.stringify(await what()) === JSON.stringify(wanted)) return;
    expect(await what()).to.deep.equal(wanted);
  }

  for (const [what, command] of [
    ['every table', 'flush ruleset'],
    ['the table of port mappings', `delete table ${table}`],
    ['its rules', `flush table ${table}`],
    ['a map of it', `flush chain ${table} hostports; delete map ${table} any_v4`],
  ] as const) {
    it(`are as they were when somebody has taken away ${what}, and nobody has called`, async () => {
      const before = await state();
      expect(before.elements.every(({ length }) => length > 0)).to.equal(true);
      await nft(world, command);
      await becomes(before, state);
    });
  }

  it('do not get back what was removed by a DEL', async () => {
    const [, two] = pods as [Mapped, Mapped];
    await world.cni('portmap', {
      command: 'DEL',
      containerId: 'two',
      netns: two.pod,
      config: { ...two.chain.portmap, prevResult: two.result },
    });
    await nft(world, 'flush ruleset');
    await becomes(true, async () => (await elementsOf(world, 'one')).length > 0);
    expect(await elementsOf(world, 'two')).to.deep.equal([]);
  });

  it('know the addresses of services as soon as these come and go', async () => {
    const known = async () => {
      const { stdout } = await world.run('nft', ['-j', 'list', 'set', ...table.split(' '), 'services_v4']);
      return JSON.parse(stdout).nftables.flatMap(({ set }: { set?: { elem?: string[] } }) => set?.elem ?? []);
    };
    await world.ip('link add kube-ipvs0 type bridge');
    await world.ip('address add 10.96.0.1/32 dev kube-ipvs0');
    await becomes(['10.96.0.1'], known);
    await world.ip('address delete 10.96.0.1/32 dev kube-ipvs0');
    await becomes([], known);
  });
});
