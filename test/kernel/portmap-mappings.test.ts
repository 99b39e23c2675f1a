import { expect } from 'chai';
import { ask, serve, unheard } from '../support/port-peer';
import { families, type Scene, setScene, webChain } from '../support/port-scene';
import { attach, detach, type Mapped } from '../support/portmapping';
import { createWorld, type World } from '../support/world';

const tcp = { containerPort: 80, protocol: 'tcp' };
const mappings = [
  { ...tcp, hostPort: 8001, hostIP: '192.0.2.1' },
  { ...tcp, hostPort: 8001, hostIP: '2001:db8::1' },
  { ...tcp, hostPort: 8002, hostIP: '0.0.0.0' },
  { ...tcp, hostPort: 8003, hostIP: '::' },
  { ...tcp, hostPort: 8004, hostIP: '' },
  { ...tcp, hostPort: 8005, hostIP: '127.0.0.1' },
  { HostPort: 8006, ContainerPort: 80, Protocol: 'TCP', HostIP: '' },
  { HOSTPORT: 8007, CONTAINERPORT: 81, PROTOCOL: 'UDP', HOSTIP: '192.0.2.1' },
  { hostport: 8007, containerport: 81, protocol: 'Udp', hostip: '2001:DB8:0::1' },
  { hostPort: 65535, containerPort: 81, protocol: 'sctp' },
];

describe('A mapping', () => {
  let world: World;
  let scene: Scene;
  let second: Mapped;

  before(async () => {
    world = await createWorld();
    scene = await setScene(world, mappings);
    // The host's port 8001 of other addresses, and that of another protocol, are free.
    const more = [
      { ...tcp, hostPort: 8001, hostIP: '10.1.0.1' },
      { ...tcp, hostPort: 8001, hostIP: 'fd00:1::1' },
      { ...tcp, hostPort: 8001, protocol: 'udp' },
      { ...tcp, hostPort: 8007 },
    ];
    second = await attach(world, { containerId: 'second', chain: webChain(), mappings: more });
    await serve(world, second.pod, 'second', [80]);
  });

  after(() => world.close());

  for (const [index, family] of families.entries()) {
    const hostIp = () => scene.outside.hostIps[index] as string;
    const gateway = () => scene.gateways[index] as string;
    const fromOutside = (address: string, port: number, protocol: 'tcp' | 'udp' | 'sctp' = 'tcp', patience = {}) =>
      ask(world, scene.outside, { address, port, protocol, ...patience });
    const byWeb = () => `web ${scene.outside.ips[index]}`;
    const bySecond = () => `second ${scene.outside.ips[index]}`;

    it(`of one of the host's addresses is for that one only, and comes before one of all addresses (${family})`, async () => {
      expect(await fromOutside(hostIp(), 8001)).to.equal(byWeb());
      expect(await ask(world, 'host', { address: hostIp(), port: 8001, protocol: 'tcp' })).to.equal(`web ${hostIp()}`);
      expect(await fromOutside(scene.otherGateways[index] as string, 8001, 'tcp', unheard)).to.equal('nobody');
    });

    it(`of the same port at another address, or of another protocol, is another's (${family})`, async () => {
      expect(await fromOutside(gateway(), 8001)).to.equal(bySecond());
      expect(await fromOutside(hostIp(), 8001, 'udp')).to.equal(bySecond());
      expect(await fromOutside(hostIp(), 8007, 'udp')).to.equal(byWeb());
      expect(await fromOutside(hostIp(), 8007, 'tcp')).to.equal(bySecond());
    });

    it(`of 0.0.0.0 is for every address of IPv4, of :: for every one of IPv6, and of "" for all (${family})`, async () => {
      const [mine, others] = index === 0 ? [8002, 8003] : [8003, 8002];
      for (const address of [hostIp(), gateway()])
        for (const port of [mine, 8004])
          expect(await fromOutside(address, port), `${address} ${port}`).to.equal(byWeb());
      expect(await fromOutside(hostIp(), others, 'tcp', unheard)).to.equal('nobody');
    });

    it(`may have its keys and its protocol in any case, and any port (${family})`, async () => {
      expect(await fromOutside(hostIp(), 8006)).to.equal(byWeb());
      expect(await fromOutside(hostIp(), 8007, 'udp')).to.equal(byWeb());
      expect(await fromOutside(gateway(), 8007, 'udp', unheard)).to.equal('nobody');
      expect(await fromOutside(hostIp(), 65535, 'sctp')).to.equal(byWeb());
    });

    it(`of a pod that is gone leads nowhere (${family})`, async () => {
      const mappings = [{ ...tcp, hostPort: 8100 }];
      const brief = await attach(world, { containerId: `brief${index}`, chain: webChain(), mappings });
      await serve(world, brief.pod, 'brief', [80]);
      expect(await fromOutside(hostIp(), 8100)).to.equal(`brief ${scene.outside.ips[index]}`);
      await detach(world, brief);
      expect(await fromOutside(hostIp(), 8100, 'tcp', unheard)).to.equal('nobody');
      expect(await fromOutside(hostIp(), 8001)).to.equal(byWeb());
    });
  }

  it('of 127.0.0.1 is for the host alone', async () => {
    const { outside, gateways } = scene;
    const question = { address: '127.0.0.1', port: 8005, protocol: 'tcp' } as const;
    expect(await ask(world, 'host', question)).to.equal(`web ${gateways[0]}`);
    for (const place of ['host', outside] as const)
      expect(await ask(world, place, { ...question, address: '192.0.2.1', ...unheard })).to.equal('nobody');
  });

  it('of all addresses is not for ::1, which no packet may come from', async () => {
    const question = { address: '::1', port: 8004, protocol: 'tcp' } as const;
    expect(await ask(world, 'host', { ...question, ...unheard })).to.equal('nobody');
  });
});
