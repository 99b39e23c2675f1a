import { expect } from 'chai';
import { ask, serve, unheard } from '../support/port-peer';
import { families, faraway, type Scene, setScene, webChain } from '../support/port-scene';
import { attach } from '../support/portmapping';
import { createWorld, type World } from '../support/world';

/** Who asks, and by which of the host's addresses: "far" has come by a router; "gateway" is the host's on the pod's bridge. */
type Way = 'outside' | 'far' | 'near' | 'host' | 'outside to gateway';
const ways: readonly Way[] = ['outside', 'far', 'near', 'host', 'outside to gateway'];

interface Condition {
  v4: string[];
  v6: string[];
  lets: readonly Way[];
}

const conditions: Condition[] = [
  { v4: ['-s', '192.0.2.0/24'], v6: ['-s', '2001:db8::/64'], lets: ['outside', 'host', 'outside to gateway'] },
  { v4: ['!', '-s', '192.0.2.0/24'], v6: ['!', '-s', '2001:db8::/64'], lets: ['far', 'near'] },
  {
    v4: ['-s', '203.0.113.7,10.1.0.0/24'],
    v6: ['--source', '2001:db8:f::7,fd00:1::/64'],
    lets: ['far', 'near'],
  },
  { v4: ['-d', '192.0.2.1'], v6: ['-d', '2001:db8::1/128'], lets: ['outside', 'far', 'near', 'host'] },
  { v4: ['!', '-d', '192.0.2.1'], v6: ['!', '--destination', '2001:db8::1'], lets: ['outside to gateway'] },
  {
    v4: ['-d', '192.0.2.1,10.1.0.1'],
    v6: ['-d', '2001:db8::1,fd00:1::1'],
    lets: ways,
  },
  { v4: ['-i', 'to-outside'], v6: ['-i', 'to-outside'], lets: ['outside', 'far', 'outside to gateway'] },
  { v4: ['!', '-i', 'to-outside'], v6: ['!', '--in-interface', 'to-outside'], lets: ['near', 'host'] },
  {
    v4: ['-i', 'to-outside', '!', '-s', '203.0.113.0/24', '-d', '192.0.2.0/24'],
    v6: ['-i', 'to-outside', '!', '-s', '2001:db8:f::/48', '-d', '2001:db8::/64'],
    lets: ['outside'],
  },
  { v4: [], v6: [], lets: ways },
];

const portOf = (index: number) => 9000 + index;

describe('Of those who ask, the conditions', () => {
  let world: World;
  let scene: Scene;

  before(async () => {
    world = await createWorld();
    scene = await setScene(world, [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]);
    for (const [index, { v4, v6 }] of conditions.entries()) {
      const mappings = ['tcp', 'udp'].map((protocol) => ({ hostPort: portOf(index), containerPort: 80, protocol }));
      const chain = webChain({ conditionsV4: v4, conditionsV6: v6 });
      const { pod } = await attach(world, { containerId: `c${index}`, chain, mappings });
      await serve(world, pod, `c${index}`, [80]);
    }
  });

  after(() => world.close());

  for (const [family, name] of families.entries())
    for (const [index, condition] of conditions.entries()) {
      const words = (family === 0 ? condition.v4 : condition.v6).join(' ');

      it(`"${words}" let through ${condition.lets.join(', ')} (${name})`, async () => {
        const { outside, near, gateways } = scene;
        const hostIp = outside.hostIps[family] as string;
        const gateway = gateways[family] as string;
        const protocol = (['tcp', 'udp'] as const)[family] as 'tcp' | 'udp';
        const from = { far: { from: faraway[family] as string } };
        const places = { far: outside, outside, near: near.pod, host: 'host', 'outside to gateway': outside } as const;
        const seen = { far: faraway[family], outside: outside.ips[family], near: gateway, host: hostIp };
        const answers = await Promise.all(
          ways.map(async (way) => {
            const address = way === 'outside to gateway' ? gateway : hostIp;
            const patience = condition.lets.includes(way) ? {} : unheard;
            const question = { address, port: portOf(index), protocol, ...(way === 'far' && from.far), ...patience };
            return [way, await ask(world, places[way], question)] as const;
          }),
        );
        const expected = ways.map((way) => {
          const who = `c${index} ${way === 'outside to gateway' ? outside.ips[family] : seen[way]}`;
          return [way, condition.lets.includes(way) ? who : 'nobody'];
        });
        expect(answers).to.deep.equal(expected);
      });
    }

  it('of one pod are nothing to another', async () => {
    const { outside } = scene;
    for (const [index, address] of outside.hostIps.entries())
      expect(await ask(world, outside, { address, port: 8080, protocol: 'tcp' })).to.equal(`web ${outside.ips[index]}`);
  });
});
