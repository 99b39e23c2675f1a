import { expect } from 'chai';
import { filterBridges, loadBridgeFilter, unloadBridgeFilter } from '../support/bridge-filter';
import { ask } from '../support/port-peer';
import { families, type Scene, setScene } from '../support/port-scene';
import { createWorld, type World } from '../support/world';

const mappings = ['tcp', 'udp', 'sctp'].map((protocol) => ({ hostPort: 8080, containerPort: 80, protocol }));

for (const [filtered, what] of [
  [false, 'frames pass the host by'],
  [true, 'iptables sees frames'],
] as const)
  describe(`On a bridge where ${what}, a pod's port asked for at the host's`, () => {
    let world: World;
    let scene: Scene;

    before(async function () {
      if (filtered) await loadBridgeFilter();
      world = await createWorld();
      if (!(await filterBridges(world, filtered))) this.skip(); // this kernel lacks br_netfilter
      scene = await setScene(world, mappings);
    });

    after(async () => {
      await world.close();
      if (filtered) await unloadBridgeFilter();
    });

    for (const [index, family] of families.entries()) {
      const addresses = () => [scene.outside.hostIps[index] as string, scene.gateways[index] as string];

      it(`from another pod of its network, is answered, and sees the host (${family})`, async () => {
        const { near, gateways } = scene;
        for (const address of addresses())
          expect(await ask(world, near.pod, { address, port: 8080 }), address).to.equal(`web ${gateways[index]}`);
      });

      it(`from the pod itself, too (${family})`, async () => {
        const { web, gateways } = scene;
        for (const address of addresses())
          expect(await ask(world, web.pod, { address, port: 8080 }), address).to.equal(`web ${gateways[index]}`);
      });
    }
  });
