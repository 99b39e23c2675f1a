import { expect } from 'chai';
import { ask, unheard } from '../support/port-peer';
import { families, faraway, type Scene, setScene } from '../support/port-scene';
import { createWorld, type World } from '../support/world';

const every = [8080, 8081].flatMap((hostPort, index) =>
  ['tcp', 'udp', 'sctp'].map((protocol) => ({ hostPort, containerPort: 80 + index, protocol })),
);

describe("A pod's port, asked for at the host's", () => {
  let world: World;
  let scene: Scene;

  before(async () => {
    world = await createWorld();
    scene = await setScene(world, every);
  });

  after(() => world.close());

  for (const [index, family] of families.entries()) {
    const hostIp = () => scene.outside.hostIps[index] as string;
    const address = (ips: readonly string[]) => ips[index] as string;

    for (const port of [8080, 8081]) {
      it(`${port}: from outside, from the address that it comes from (${family})`, async () => {
        const { outside } = scene;
        const question = { address: hostIp(), port };
        expect(await ask(world, outside, question)).to.equal(`web ${outside.ips[index]}`);
        const from = address(faraway);
        expect(await ask(world, outside, { ...question, from })).to.equal(`web ${from}`);
      });
    }

    it(`from the host, by each of its addresses (${family})`, async () => {
      const { gateways, otherGateways } = scene;
      for (const of of [hostIp(), address(gateways), address(otherGateways)])
        expect(await ask(world, 'host', { address: of, port: 8080 }), of).to.equal(`web ${of}`);
    });

    it(`from a pod of another network, from that pod's address (${family})`, async () => {
      const { other, gateways, otherGateways } = scene;
      for (const of of [hostIp(), address(gateways), address(otherGateways)])
        expect(await ask(world, other.pod, { address: of, port: 8080 }), of).to.equal(`web ${other.ips[index]}`);
    });

    it(`is at the pod's own address where it always was, and no other port of the host's leads to it (${family})`, async () => {
      const { outside, web, near } = scene;
      expect(await ask(world, near.pod, { address: address(web.ips), port: 80 })).to.equal(`web ${near.ips[index]}`);
      for (const place of [outside, near.pod, 'host'] as const)
        expect(await ask(world, place, { address: hostIp(), port: 80, ...unheard })).to.equal('nobody');
    });
  }

  it('from the host, by 127.0.0.1 and its like', async () => {
    const { gateways } = scene;
    for (const address of ['127.0.0.1', '127.1.2.3'])
      expect(await ask(world, 'host', { address, port: 8080 }), address).to.equal(`web ${gateways[0]}`);
  });
});
