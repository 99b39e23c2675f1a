import { expect } from 'chai';
import { nft } from '../support/masquerading';
import { ask, serve, unheard } from '../support/port-peer';
import { type Scene, setScene } from '../support/port-scene';
import { detach, table } from '../support/portmapping';
import { createWorld, type World } from '../support/world';

const mappings = ['tcp', 'udp', 'sctp'].map((protocol) => ({ hostPort: 8080, containerPort: 80, protocol }));

/** CVE-2020-8558: mappings for 127.0.0.1 make the kernel take packets to 127.0.0.0/8 from a link (route_localnet). */
describe("The host's 127.0.0.1", () => {
  let world: World;
  let scene: Scene;

  before(async () => {
    world = await createWorld();
    scene = await setScene(world, mappings);
    await serve(world, 'host', 'host', [9000]);
    // What a privileged pod can do, or one that sends raw frames.
    const { near, other, outside, gateways, otherGateways } = scene;
    for (const [place, gateway] of [
      [near.pod, gateways[0]],
      [other.pod, otherGateways[0]],
      [outside, outside.hostIps[0]],
    ] as const) {
      const script = `ip link set lo down
        echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet
        ip route add 127.0.0.0/8 via ${gateway} dev eth0`;
      expect(await world.run('sh', ['-ec', script], { in: place })).to.include({ code: 0, stderr: '' });
    }
  });

  after(() => world.close());

  /** What a place is answered from the host's 127.0.0.1, or another address of its kind. */
  const answerTo = (
    { near, other, outside }: Scene,
    who: 'near' | 'other' | 'outside',
    port: number,
    address: string,
  ) => {
    const places = { near: near.pod, other: other.pod, outside };
    const ips = { near: near.ips, other: other.ips, outside: outside.ips };
    return ask(world, places[who], { address, port, from: ips[who][0] as string, ...unheard });
  };

  for (const who of ['near', 'other', 'outside'] as const)
    it(`does not answer ${who === 'outside' ? 'a neighbour of the host' : `the pod "${who}"`}, with or without a mapping`, async () => {
      for (const address of ['127.0.0.1', '127.9.9.9'])
        expect(await answerTo(scene, who, 9000, address), address).to.equal('nobody');
    });

  it('answers the host itself, and its mappings do', async () => {
    const { gateways } = scene;
    expect(await ask(world, 'host', { address: '127.0.0.1', port: 9000 })).to.equal('host 127.0.0.1');
    expect(await ask(world, 'host', { address: '127.0.0.1', port: 8080 })).to.equal(`web ${gateways[0]}`);
  });

  it('answers no pod after a DEL of the last mapping either', async () => {
    await detach(world, scene.web);
    for (const who of ['near', 'other', 'outside'] as const)
      expect(await answerTo(scene, who, 9000, '127.0.0.1'), who).to.equal('nobody');
  });

  it('would answer its pods, were it not for the rules of that chain', async () => {
    await nft(world, `insert rule ${table} input accept`);
    expect(await answerTo(scene, 'near', 9000, '127.0.0.1')).to.equal(`host ${scene.near.ips[0]}`);
  });
});
