import { expect } from 'chai';
import type { Outside } from '../support/outside';
import { ask, serve } from '../support/port-peer';
import { families, type Scene, setScene, webChain } from '../support/port-scene';
import { attach, findings } from '../support/portmapping';
import { createWorld, type World } from '../support/world';

const mappings = ['tcp', 'udp', 'sctp'].map((protocol) => ({ hostPort: 8080, containerPort: 80, protocol }));

describe('What is sent to a port that is mapped, but to the address of a service,', () => {
  let world: World;
  let scene: Scene;
  let services: Outside;
  /** Of an IPVS service, which kube-proxy gives to a link of this name so that they are the host's own. */
  const virtual = ['198.18.0.7', '2001:db8:5::7'];
  const later = ['198.18.0.8', '2001:db8:5::8'];
  const addTo = async (link: string, addresses: readonly string[]) => {
    for (const [index, address] of addresses.entries())
      await world.ip(`address add ${address}/${[32, 128][index]} dev ${link}${index === 1 ? ' nodad' : ''}`);
  };

  before(async () => {
    world = await createWorld();
    services = await world.addOutside({
      name: 'services',
      host: ['198.51.100.1/24', '2001:db8:e::1/64'],
      addresses: ['198.51.100.2/24', '2001:db8:e::2/64'],
    });
    await serve(world, services, 'service', [8080]);
    // kube-proxy's is a dummy link, which not every kernel has.
    await world.ip('link add kube-ipvs0 type bridge');
    await addTo('kube-ipvs0', virtual);
    scene = await setScene(world, mappings);
    await serve(world, 'host', 'ipvs', [8080]);
  });

  after(() => world.close());

  for (const [index, family] of families.entries()) {
    const askers = () => [scene.outside, scene.near.pod, scene.web.pod, scene.other.pod, 'host'] as const;
    const answerers = async (address: string | undefined) => {
      const answers = askers().map((place) => ask(world, place, { address: address as string, port: 8080 }));
      return (await Promise.all(answers)).map((answer) => answer.split(' ')[0]);
    };
    const each = (name: string) => askers().map(() => name);

    it(`reaches it when it is routed by the host (${family})`, async () => {
      expect(await answerers(services.ips[index])).to.deep.equal(each('service'));
      expect(await answerers(scene.outside.hostIps[index])).to.deep.equal(each('web'));
    });

    it(`reaches it when the host has it for IPVS (${family})`, async () => {
      expect(await answerers(virtual[index])).to.deep.equal(each('ipvs'));
    });
  }

  it('reaches it also if it came later, as soon as a pod with mappings is checked or added', async () => {
    const { outside, web } = scene;
    await addTo('kube-ipvs0', later);
    expect(await findings(world, web)).to.deep.equal([]);
    for (const address of later) expect(await ask(world, outside, { address, port: 8080 })).to.match(/^ipvs /);
    const last = ['198.18.0.9', '2001:db8:5::9'];
    await addTo('kube-ipvs0', last);
    await attach(world, {
      containerId: 'next',
      chain: webChain(),
      mappings: [{ hostPort: 1, containerPort: 1, protocol: 'tcp' }],
    });
    for (const address of [...virtual, ...later, ...last])
      expect(await ask(world, outside, { address, port: 8080 })).to.match(/^ipvs /);
  });

  it('reaches the pod when the address is no more a service, as soon as a pod with mappings is added', async () => {
    const { outside } = scene;
    await world.ip('link delete kube-ipvs0');
    await addTo('lo', virtual);
    await attach(world, {
      containerId: 'after',
      chain: webChain(),
      mappings: [{ hostPort: 2, containerPort: 1, protocol: 'tcp' }],
    });
    for (const [index, address] of virtual.entries())
      expect(await ask(world, outside, { address, port: 8080 })).to.equal(`web ${outside.ips[index]}`);
  });
});
