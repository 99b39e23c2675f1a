import { expect } from 'chai';
import { filterBridges } from '../support/bridge-filter';
import { nft } from '../support/masquerading';
import { ask, serve, unheard } from '../support/port-peer';
import { families, faraway, type Scene, setScene, webChain } from '../support/port-scene';
import { attach, type Mapped } from '../support/portmapping';
import { createWorld, type World } from '../support/world';

const mappings = ['tcp', 'udp', 'sctp'].map((protocol) => ({ hostPort: 8080, containerPort: 80, protocol }));
const on = (hostPort: number) => mappings.map((mapping) => ({ ...mapping, hostPort }));

describe("portmap's keys: a pod", () => {
  let world: World;
  let scene: Scene;
  const addPod = async (containerId: string, hostPort: number, keys: Record<string, unknown>): Promise<Mapped> => {
    const pod = await attach(world, { containerId, chain: webChain(keys), mappings: on(hostPort) });
    await serve(world, pod.pod, containerId, [80]);
    return pod;
  };
  let unmasked: Mapped;

  before(async () => {
    world = await createWorld();
    // Where iptables sees frames, it also puts back the address of an answer that goes from one pod to another.
    expect(await filterBridges(world, false)).to.equal(true);
    scene = await setScene(world, mappings);
    unmasked = await addPod('unmasked', 8081, { snat: false });
    await addPod('masked', 8082, { masqAll: true });
    await addPod('marked', 8083, { markMasqBit: 5 });
    await addPod('other-backend', 8084, { backend: 'iptables' });
    await addPod('any-backend', 8085, { backend: 'whatever' });
  });

  after(() => world.close());

  for (const [index, family] of families.entries()) {
    const hostIp = () => scene.outside.hostIps[index] as string;

    it(`with snat false sees the same as otherwise from where no answer would go astray (${family})`, async () => {
      const { outside, other } = scene;
      const question = { address: hostIp(), port: 8081 };
      expect(await ask(world, outside, question)).to.equal(`unmasked ${outside.ips[index]}`);
      expect(await ask(world, other.pod, question)).to.equal(`unmasked ${other.ips[index]}`);
      expect(await ask(world, 'host', question)).to.equal(`unmasked ${hostIp()}`);
    });

    it(`with snat false cannot be reached from its own network, which would answer directly (${family})`, async () => {
      const { near } = scene;
      for (const place of [near.pod, unmasked.pod])
        expect(await ask(world, place, { address: hostIp(), port: 8081, ...unheard })).to.equal('nobody');
      expect(await ask(world, near.pod, { address: hostIp(), port: 8080 })).to.equal(`web ${scene.gateways[index]}`);
    });

    it(`with masqAll sees the host, wherever it is asked from, and others as before (${family})`, async () => {
      const { outside, near, other, gateways } = scene;
      for (const place of [outside, near.pod, other.pod, 'host'] as const)
        expect(await ask(world, place, { address: hostIp(), port: 8082 })).to.equal(`masked ${gateways[index]}`);
      expect(await ask(world, outside, { address: hostIp(), port: 8080 })).to.equal(`web ${outside.ips[index]}`);
    });

    it(`with a bit of its own for marks, or another backend, is as any other (${family})`, async () => {
      const { outside, near, gateways } = scene;
      for (const [port, name] of [
        [8083, 'marked'],
        [8084, 'other-backend'],
        [8085, 'any-backend'],
      ] as const) {
        expect(await ask(world, outside, { address: hostIp(), port })).to.equal(`${name} ${outside.ips[index]}`);
        expect(await ask(world, near.pod, { address: hostIp(), port })).to.equal(`${name} ${gateways[index]}`);
        const from = faraway[index] as string;
        expect(await ask(world, outside, { address: hostIp(), port, from })).to.equal(`${name} ${from}`);
      }
    });
  }

  it('with snat false cannot be reached by 127.0.0.1, and with masqAll can', async () => {
    const { gateways } = scene;
    const question = { address: '127.0.0.1', ...unheard };
    expect(await ask(world, 'host', { ...question, port: 8081 })).to.equal('nobody');
    expect(await ask(world, 'host', { ...question, port: 8082 })).to.equal(`masked ${gateways[0]}`);
  });

  it('is told apart by no mark on any packet', async () => {
    const { outside, near } = scene;
    const chain = 'type filter hook postrouting priority 200; meta mark != 0 counter name marked; counter name seen;';
    await nft(world, `table inet probe { counter marked { }; counter seen { }; chain c { ${chain} }; }`);
    for (const port of [8080, 8083]) await ask(world, near.pod, { address: outside.hostIps[0] as string, port });
    const { stdout } = await world.run('nft', ['list', 'counters', 'table', 'inet', 'probe']);
    expect(stdout)
      .to.match(/marked \{\s*packets 0 /)
      .and.match(/seen \{\s*packets [1-9]/);
  });
});
