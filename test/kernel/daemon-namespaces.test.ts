import { expect } from 'chai';
import { startDaemon } from '../support/daemon';
import { coldCounts } from '../support/daemon-peer';
import { bridgeNetwork, ipsOf, succeed } from '../support/network';
import { createWorld, type World } from '../support/world';

describe('A daemon in another namespace than its caller', () => {
  let world: World;

  before(async () => {
    world = await createWorld();
  });

  after(() => world.close());

  for (const [kind, ...unshare] of [
    ['mnt', '--mount', '--propagation', 'unchanged'],
    ['pid', '--pid', '--fork', '--kill-child=TERM'],
    ['user', '--user', '--map-root-user'],
    ['net', '--net'],
  ]) {
    it(`of the kind ${kind} declines, and the pod is right`, async () => {
      const daemon = await startDaemon(world.keeper, world.plugins, { by: ['unshare', ...unshare] });
      const call = { netns: await world.addPod(), containerId: `in-${kind}`, config: bridgeNetwork() };
      const result = await succeed(world, 'bridge', call);
      expect(await world.ping('host', ipsOf(result)[0] as string), 'ping').to.equal(true);
      expect((await daemon.report()).declined).to.deep.equal({ [`namespace ${kind}`]: 1 });
      expect(Object.keys(coldCounts(world))).to.deep.equal(['declined']);
      // unshare itself is deaf to SIGTERM while it waits for a child, and passes on its own end.
      const { stderr } = await daemon.end(kind === 'pid' ? 'SIGKILL' : 'SIGTERM');
      expect({ stderr, last: daemon.log.at(-1)?.msg }).to.deep.equal({ stderr: '', last: 'ended' });
    });
  }
});
