import { expect } from 'chai';
import { ask, serve } from '../support/port-peer';
import { families, type Scene, setScene } from '../support/port-scene';
import { createWorld, type World } from '../support/world';

const mappings = ['tcp', 'udp', 'sctp'].map((protocol) => ({ hostPort: 8080, containerPort: 80, protocol }));

describe("With ipMasq as well, a pod's port asked for at the host's", () => {
  let world: World;
  let scene: Scene;

  before(async () => {
    world = await createWorld();
    scene = await setScene(world, mappings, {}, { ipMasq: true });
    await serve(world, scene.outside, 'outside', [7]);
  });

  after(() => world.close());

  for (const [index, family] of families.entries()) {
    const question = () => ({ address: scene.outside.hostIps[index] as string, port: 8080 });

    it(`is answered, and sees whoever asks from outside or the host (${family})`, async () => {
      expect(await ask(world, scene.outside, question())).to.equal(`web ${scene.outside.ips[index]}`);
      expect(await ask(world, 'host', question())).to.equal(`web ${question().address}`);
    });

    it(`is answered, and sees the host where a pod asks, of whichever network (${family})`, async () => {
      const { web, near, other, gateways } = scene;
      for (const { pod } of [web, near, other])
        expect(await ask(world, pod, question()), pod.name).to.equal(`web ${gateways[index]}`);
    });

    it(`and what the pod itself asks for outside comes from the host (${family})`, async () => {
      const address = scene.outside.ips[index] as string;
      expect(await ask(world, scene.web.pod, { address, port: 7 })).to.equal(`outside ${question().address}`);
    });
  }

  it('by 127.0.0.1 is answered, and sees the host', async () => {
    expect(await ask(world, 'host', { address: '127.0.0.1', port: 8080 })).to.equal(`web ${scene.gateways[0]}`);
  });
});
