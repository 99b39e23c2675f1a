import { expect } from 'chai';
import { nft } from '../support/masquerading';
import type { Place } from '../support/peers';
import { ask, serve } from '../support/port-peer';
import { families, type Scene, setScene, webChain } from '../support/port-scene';
import { attach, detach, type Mapped } from '../support/portmapping';
import { createWorld, type World } from '../support/world';

const on = (hostPort: number) => [{ hostPort, containerPort: 80, protocol: 'udp' }];

describe('A flow of UDP datagrams to a port of the host', () => {
  let world: World;
  let scene: Scene;

  beforeEach(async () => {
    world = await createWorld();
    // With a mapping of another port connections are tracked.
    scene = await setScene(world, on(9090));
    await serve(world, 'host', 'host', [8080]);
  });

  afterEach(() => world.close());

  const addPod = async (containerId: string): Promise<Mapped> => {
    const pod = await attach(world, { containerId, chain: webChain(), mappings: on(8080) });
    await serve(world, pod.pod, containerId, [80]);
    return pod;
  };
  /** Who answers the next datagram of each flow: from outside by each family, and from the host by 127.0.0.1. */
  async function answerers(port = 8080): Promise<string> {
    const flows: [Place, string][] = [
      ...scene.outside.hostIps.map((ip): [Place, string] => [scene.outside, ip]),
      ['host', '127.0.0.1'],
    ];
    const questions = flows.map(([place, address]) =>
      ask(world, place, { address, port, protocol: 'udp', fromPort: 5555 }),
    );
    return [...new Set((await Promise.all(questions)).map((answer) => answer.split(' ')[0]))].join(' and ');
  }

  it('that the host has answered so far is answered by the pod that gets the port', async () => {
    expect(await answerers()).to.equal('host');
    await addPod('first');
    expect(await answerers()).to.equal('first');
  });

  it('is answered by the next pod that gets the port, and by the host when none has it', async () => {
    const first = await addPod('first');
    expect(await answerers()).to.equal('first');
    await detach(world, first);
    expect(await answerers()).to.equal('host');
    const second = await addPod('second');
    expect(await answerers()).to.equal('second');
    await detach(world, second);
    await addPod('third');
    expect(await answerers()).to.equal('third');
  });

  it('goes on undisturbed when other ports come and go', async () => {
    const chain = (rules: string) =>
      `table inet probe { chain c { type filter hook prerouting priority 0; ${rules}\n }\n }`;
    await nft(world, chain('udp dport 80 ct mark set 7'));
    expect(await answerers(9090)).to.equal('web');
    await nft(world, `flush table inet probe; ${chain('udp dport 80 ct mark != 7 counter; udp dport 80 counter;')}`);
    await detach(world, await addPod('first'));
    expect(await answerers(9090)).to.equal('web');
    const { stdout } = await world.run('nft', ['list', 'table', 'inet', 'probe']);
    const [begun, all] = [...stdout.matchAll(/packets (\d+)/g)].map(([, packets]) => Number(packets));
    // 127.0.0.1's pass no prerouting before they are translated.
    expect({ begun, some: (all ?? 0) >= families.length }).to.deep.equal({ begun: 0, some: true });
  });
});
