import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { ask } from '../support/port-peer';
import { families, type Scene, setScene } from '../support/port-scene';
import { createWorld, type World } from '../support/world';

const mappings = ['tcp', 'udp', 'sctp'].map((protocol) => ({ hostPort: 8080, containerPort: 80, protocol }));
const settings = '/proc/sys/net/bridge/bridge-nf-call';

for (const [value, what] of [
  ['0', 'frames pass the host by'],
  ['1', 'iptables sees frames'],
] as const)
  describe(`On a bridge where ${what}, a pod's port asked for at the host's`, () => {
    let world: World;
    let scene: Scene;

    before(async function () {
      world = await createWorld();
      if (existsSync(`${settings}-iptables`)) {
        const set = ['iptables', 'ip6tables'].map((name) => `echo ${value} >${settings}-${name}`);
        expect(await world.run('sh', ['-ec', set.join('\n')])).to.include({ code: 0 });
      } else if (value === '1') this.skip(); // this kernel lacks br_netfilter
      scene = await setScene(world, mappings);
    });

    after(() => world.close());

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
