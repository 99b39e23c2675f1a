import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { refusal, succeed } from '../support/network';
import { ask, serve } from '../support/port-peer';
import {
  attach,
  bridgeCall,
  bridged,
  chain,
  chainOn,
  detach,
  elementsOf,
  type Mapping,
  portmapCall,
} from '../support/portmapping';
import { createWorld, type World } from '../support/world';

const web: Mapping = { hostPort: 8080, containerPort: 80, protocol: 'tcp' };
const holder = {
  containerId: 'holder',
  chain: chain(),
  mappings: [web, { ...web, hostPort: 8081, hostIP: '192.0.2.1' }],
};

describe('A port of the host that another pod has', () => {
  let world: World;

  before(async () => {
    world = await createWorld();
    await attach(world, holder);
  });

  after(() => world.close());

  const chainTwo = (keys = {}) => chainOn('br1', 'two', ['10.2.0.0/24', 'fd00:2::/64'], keys);

  for (const [what, second, port] of [
    ['of the same network', { containerId: 'second', chain: chain(), mappings: [web] }, '8080/tcp'],
    ['of another network', { containerId: 'second', chain: chainTwo(), mappings: [web] }, '8080/tcp'],
    ['with the same container ID', { containerId: 'holder', chain: chainTwo(), mappings: [web] }, '8080/tcp'],
    [
      'that wants free ones, too',
      {
        containerId: 'second',
        chain: chain(),
        mappings: [{ ...web, hostPort: 9000 }, web, { ...web, hostPort: 9001 }],
      },
      '8080/tcp',
    ],
    [
      'that wants it for IPv6 only',
      { containerId: 'second', chain: chain(), mappings: [{ ...web, hostIP: '::' }] },
      '8080/tcp',
    ],
    [
      'that wants it at the same address',
      { containerId: 'second', chain: chain(), mappings: [{ ...web, hostPort: 8081, hostIP: '192.0.2.1' }] },
      '8081/tcp of 192.0.2.1',
    ],
  ] as const)
    it(`cannot be had by one ${what}: an error names port and holder, and nothing changes`, async () => {
      const pod = await world.addPod();
      const added = await bridged(world, { ...second, pod });
      // The kernel adds an address of IPv6 in two steps.
      for (const { gateway } of added.result.ips) expect(await world.ping(pod, gateway)).to.equal(true);
      const before = await world.snapshot();
      const { code, msg, details = '' } = await refusal(world, 'portmap', portmapCall(added));
      expect(code).to.equal(999);
      expect(msg).to.include(port);
      expect(`${msg} ${details}`).to.match(/container holder \(eth0, network net\)/);
      expectUnchanged(before, await world.snapshot());
      await succeed(world, 'portmap', portmapCall(added, 'DEL'));
      expectUnchanged(before, await world.snapshot());
      await succeed(world, 'bridge', bridgeCall(added, 'DEL'));
    });
});

describe('A port of the host', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  it('that another pod has can be had for another protocol, another address and when its holder is gone', async () => {
    const first = await attach(world, holder);
    const others: Mapping[] = [
      { ...web, protocol: 'udp' },
      { ...web, protocol: 'sctp' },
      { ...web, hostIP: '192.0.2.1' },
      { ...web, hostPort: 8081 },
      { ...web, hostPort: 8081, hostIP: '192.0.2.2' },
    ];
    await attach(world, { containerId: 'second', chain: chain(), mappings: others });
    await detach(world, first);
    await attach(world, { containerId: 'third', chain: chain(), mappings: holder.mappings });
  });

  it('that another pod has can be had under conditions of its own, which come first', async () => {
    const outside = await world.addOutside();
    const pods = {
      all: { chain: chain() },
      some: { chain: chain({ conditionsV4: ['-s', '192.0.2.0/24'], conditionsV6: ['-s', '2001:db8::/64'] }) },
    };
    for (const [containerId, { chain }] of Object.entries(pods)) {
      const { pod } = await attach(world, { containerId, chain, mappings: [web] });
      await serve(world, pod, containerId, [80]);
    }
    for (const [index, address] of outside.hostIps.entries()) {
      const question = { address, port: 8080, protocol: 'tcp' } as const;
      expect(await ask(world, outside, question)).to.equal(`some ${outside.ips[index]}`);
      const gateway = ['10.1.2.1', 'fd00:1:2::1'][index] as string;
      expect(await ask(world, 'host', { ...question, address: gateway })).to.equal(`all ${gateway}`);
    }
    const again = await bridged(world, { containerId: 'again', chain: pods.some.chain, mappings: [web] });
    const { msg, details = '' } = await refusal(world, 'portmap', portmapCall(again));
    expect(`${msg} ${details}`).to.include('container some ');
  });

  it('is had by one of many pods that want it at the same time', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `c${index}`);
    const all = await Promise.all(
      names.map((containerId) => bridged(world, { containerId, chain: chain(), mappings: [web] })),
    );
    const answers = await Promise.all(all.map((one) => world.cni('portmap', portmapCall(one))));
    const winners = names.filter((_, index) => answers[index]?.code === 0);
    expect(winners).to.have.length(1);
    for (const [index, { code, stdout }] of answers.entries())
      if (code !== 0) expect(stdout, names[index]).to.match(new RegExp(`${winners[0]} \\(?eth0`));
    for (const name of names) expect((await elementsOf(world, name)).length > 0, name).to.equal(name === winners[0]);
  });
});
