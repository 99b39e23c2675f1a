import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { bridgeNetwork, type Config, hostLocal, ipsOf, ranges, refusal, succeed } from '../support/network';
import { createWorld, type World } from '../support/world';

describe('ADD of bridge asks host-local', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  const add = async (changes: Config, args?: string) => ({
    netns: await world.addPod(),
    containerId: 'one',
    config: bridgeNetwork(changes),
    ...(args !== undefined && { args }),
  });

  it("for an address of the runtime's ranges before those of the network, whatever the case of their keys", async () => {
    const runtimeConfig = { IPRanges: [[{ SUBNET: '10.7.0.0/24', RangeStart: '10.7.0.9' }]] };
    const call = await add({ ipam: hostLocal(ranges.ipv4), runtimeConfig });
    expect(ipsOf(await succeed(world, 'bridge', call))).to.deep.equal(['10.7.0.9', '10.1.2.2']);
    expect(await world.ping(call.netns, '10.7.0.1')).to.equal(true);
    await succeed(world, 'bridge', { ...call, command: 'DEL' });
  });

  it('for the address in CNI_ARGS, beside arguments that are to be ignored', async () => {
    const call = await add({ ipam: hostLocal(ranges.ipv4) }, 'IgnoreUnknown=1;K8S_POD_NAME=p;IP=10.1.2.77');
    expect(ipsOf(await succeed(world, 'bridge', call))).to.deep.equal(['10.1.2.77']);
    await succeed(world, 'bridge', { ...call, command: 'DEL' });
    const { code, msg } = await refusal(world, 'bridge', { ...call, args: 'K8S_POD_NAME=p;IP=10.1.2.77' });
    expect({ code, msg }).to.deep.equal({ code: 4, msg: 'ARGS: unknown args ["K8S_POD_NAME=p"]' });
  });

  it('to keep the lease in dataDir, and DEL to release it there', async () => {
    const call = await add({ ipam: { ...hostLocal(ranges.ipv4), dataDir: '/run/leases' } });
    await succeed(world, 'bridge', call);
    expect(readdirSync(world.path('/run/leases/net'))).to.include('10.1.2.2');
    expect(readdirSync(world.path('/var/lib/cni'))).to.deep.equal([]);
    await succeed(world, 'bridge', { ...call, command: 'DEL' });
    expect(readdirSync(world.path('/run/leases/net'))).not.to.include('10.1.2.2');
  });
});
