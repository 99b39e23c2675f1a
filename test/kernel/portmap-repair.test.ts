import { expect } from 'chai';
import { nft } from '../support/masquerading';
import type { Outside } from '../support/outside';
import { ask, serve, unheard } from '../support/port-peer';
import { attach, chain, chainOn, detach, findings, type Mapped, table } from '../support/portmapping';
import { createWorld, type World } from '../support/world';

const on = (hostPort: number) => ['tcp', 'udp'].map((protocol) => ({ hostPort, containerPort: 80, protocol }));

describe('Port mappings and an administrator who removes with nft', () => {
  let world: World;
  let outside: Outside;
  let pods: Mapped[];

  beforeEach(async () => {
    world = await createWorld();
    outside = await world.addOutside();
    pods = [];
    const some = { conditionsV4: ['-i', 'to-outside'], conditionsV6: ['-i', 'to-outside'], masqAll: true };
    for (const [index, of] of [chain(), chain(some), chainOn('br1', 'two', ['10.2.0.0/16', 'fd00:2::/64'])].entries()) {
      const pod = await attach(world, { containerId: `c${index}`, chain: of, mappings: on(8080 + index) });
      await serve(world, pod.pod, `c${index}`, [80]);
      pods.push(pod);
    }
  });

  afterEach(() => world.close());

  /** What each pod, and each family, answers to the outside, and the first one to the host. */
  async function answers(patience = {}): Promise<string[]> {
    const questions = pods.flatMap((_, index) =>
      outside.hostIps.flatMap((address) =>
        (['tcp', 'udp'] as const).map((protocol) =>
          ask(world, outside, { address, port: 8080 + index, protocol, ...patience }),
        ),
      ),
    );
    const fromHost = ask(world, 'host', { address: '127.0.0.1', port: 8080, protocol: 'tcp', ...patience });
    return Promise.all([...questions, fromHost]);
  }

  const asAdded = () => {
    const [ip4, ip6] = outside.ips;
    return [
      ...[`c0 ${ip4}`, `c0 ${ip4}`, `c0 ${ip6}`, `c0 ${ip6}`],
      ...['c1 10.1.2.1', 'c1 10.1.2.1', 'c1 fd00:1:2::1', 'c1 fd00:1:2::1'],
      ...[`c2 ${ip4}`, `c2 ${ip4}`, `c2 ${ip6}`, `c2 ${ip6}`],
      'c0 10.1.2.1',
    ];
  };

  for (const [what, commands] of [
    ['every table', 'flush ruleset'],
    ['the table', `delete table ${table}`],
  ] as const) {
    it(`${what}: the next ADD of any pod brings all of them back`, async () => {
      expect(await answers()).to.deep.equal(asAdded());
      await nft(world, commands);
      await attach(world, { containerId: 'next', chain: chain(), mappings: on(8090) });
      expect(await answers()).to.deep.equal(asAdded());
      expect(await Promise.all(pods.map((pod) => findings(world, pod)))).to.deep.equal([[], [], []]);
    });

    it(`${what}: the next CHECK of any pod brings all of them back`, async () => {
      await nft(world, commands);
      await findings(world, pods[2] as Mapped);
      expect(await answers()).to.deep.equal(asAdded());
      for (const pod of pods) expect(await findings(world, pod)).to.deep.equal([]);
    });
  }

  it('every table: what is deleted before it is brought back stays away', async () => {
    await nft(world, 'flush ruleset');
    const [first, ...others] = pods as [Mapped, ...Mapped[]];
    await detach(world, first);
    await attach(world, { containerId: 'next', chain: chain(), mappings: on(8090) });
    const expected = asAdded().map((answer) => (answer.startsWith('c0') ? 'nobody' : answer));
    expect(await answers(unheard)).to.deep.equal(expected);
    for (const pod of others) await detach(world, pod);
  });
});
