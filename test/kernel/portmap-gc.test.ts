import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping } from '../support/leftovers';
import { nft } from '../support/masquerading';
import { type Config, succeed } from '../support/network';
import { attach, bridgeCall, type Chain, chain, chainOn, elementsOf, table } from '../support/portmapping';
import { createWorld, type World } from '../support/world';

const on = (hostPort: number) => ['tcp', 'udp'].map((protocol) => ({ hostPort, containerPort: 80, protocol }));
const withVersion = ({ bridge, portmap }: Chain, keys: Config = {}): Chain => ({
  bridge: { ...bridge, cniVersion: '1.1.0' },
  portmap: { ...portmap, cniVersion: '1.1.0', ...keys },
});

describe('GC of portmap', () => {
  let world: World;
  const net = withVersion(chain());
  const two = withVersion(chainOn('br1', 'two', ['10.2.0.0/24', 'fd00:2::/64']));

  beforeEach(async () => {
    world = await createWorld();
    await attach(world, { containerId: 'kept', chain: net, mappings: on(8080) });
    await attach(world, { containerId: 'kept2', chain: two, mappings: on(8081) });
  });

  afterEach(() => world.close());

  const collect = (valid: string[]) => {
    const attachments = valid.map((containerID) => ({ containerID, ifname: 'eth0' }));
    return succeed(world, 'portmap', {
      command: 'GC',
      config: { ...net.portmap, 'cni.dev/valid-attachments': attachments },
    });
  };

  for (const [what, lose] of [
    ['', async () => {}],
    [', also where its record is lost', async () => world.run('sh', ['-c', 'rm /run/trestle/attachments/*'])],
  ] as const)
    it(`removes what pods of this network have that are not in the list, and nothing else${what}`, async () => {
      const pod = await world.addPod('gone');
      const before = await world.snapshot();
      const gone = await attach(world, { containerId: 'gone', pod, chain: net, mappings: on(8082) });
      expect(await elementsOf(world, 'gone')).to.have.length.above(0);
      await lose();
      await collect(['kept']);
      expect(await elementsOf(world, 'gone')).to.deep.equal([]);
      await succeed(world, 'bridge', bridgeCall(gone, 'DEL'));
      const lost = what === '' ? [] : [/^files \/run\/trestle\/attachments\//];
      expectUnchanged(before, await world.snapshot(), { allow: [...bookkeeping, ...lost] });
    });

  it('leaves elements that an administrator has put there', async () => {
    await nft(world, `add element ${table} any_v4 { tcp . 9999 : 10.9.9.9 . 80 }`);
    await collect([]);
    expect(await elementsOf(world, 'kept')).to.deep.equal([]);
    expect(await elementsOf(world, 'kept2')).to.have.length.above(0);
    const { stdout } = await world.run('nft', ['list', 'map', ...table.split(' '), 'any_v4']);
    expect(stdout).to.include('tcp . 9999 : 10.9.9.9 . 80');
  });
});
