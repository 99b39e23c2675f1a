import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping } from '../support/leftovers';
import { bridgeNetwork, type Config, refusal, succeed } from '../support/network';
import type { Pod } from '../support/peers';
import { referencePlugins } from '../support/plugins';
import type { Snapshot } from '../support/snapshot';
import { createWorld, type World } from '../support/world';

/** Two pods that others have attached, one of them by the reference, and a third whose DEL claims what is theirs. */
describe('A bridge request whose prevResult lies', () => {
  let world: World;
  let pod: Pod;
  const others: { pod: Pod; result: { interfaces: { name: string; sandbox?: string }[] } }[] = [];
  let unharmed: Snapshot;

  before(async () => {
    world = await createWorld();
    for (const plugins of [world.plugins, referencePlugins]) {
      const netns = await world.addPod();
      const config = bridgeNetwork({ dns: {} });
      const result = await succeed(world, 'bridge', { netns, containerId: netns.name, config, plugins });
      others.push({ pod: netns, result });
    }
    pod = await world.addPod();
    // Reads the leases that the reference has given.
    await delWith(undefined);
    unharmed = await world.snapshot();
  });

  after(() => world.close());

  const delWith = (prevResult: unknown, changes: Config = {}, netns?: string) =>
    succeed(world, 'bridge', {
      command: 'DEL',
      containerId: 'liar',
      netns: netns ?? pod,
      config: bridgeNetwork({ ...changes, prevResult }),
    });
  const untouched = async () => expectUnchanged(unharmed, await world.snapshot(), { allow: bookkeeping });

  it("does not make DEL remove another pod's link, or the bridge", async () => {
    for (const { result } of others) {
      const claimed = result.interfaces.map((it) => (it.sandbox ? { ...it, sandbox: pod.path } : it));
      await delWith(result);
      await delWith({ ...result, interfaces: claimed.slice(0, 2) });
      await delWith(result, {}, '/run/netns/gone');
      await delWith(result, { ipMasq: true, macspoofchk: true });
    }
    await delWith(others[0]?.result, {}, '');
    await untouched();
  });

  it("does not make DEL take another pod's namespace for its own", async () => {
    await delWith(undefined, {}, others[0]?.pod.path);
    await untouched();
  });

  it('does not make DEL fail, whatever names and MACs it tells', async () => {
    const interfaces = ['../../x', 'x'.repeat(300), '%d', '', 'br0'].flatMap((name) => [
      { name, mac: 'none' },
      { name, mac: '02:00:00:00:00:01' },
    ]);
    await delWith({ interfaces: [...interfaces, { name: 'eth0', sandbox: pod.path }] });
    await untouched();
  });

  it('does not make DEL fail when it tells of a hundred thousand links', async () => {
    const interfaces = Array.from({ length: 100_000 }, (_, i) => ({ name: `veth${i}`, mac: '02:00:00:00:00:01' }));
    await delWith({ interfaces: [...interfaces, { name: 'eth0', sandbox: pod.path }] });
    await untouched();
  });

  it('makes CHECK fail with what is not so, and not with the name of an argument', async () => {
    const prevResult = { interfaces: [{ name: 'veth/../../x' }, { name: 'eth0', sandbox: pod.path }], ips: [] };
    const config = bridgeNetwork({ ipam: {}, prevResult });
    const { code, msg } = await refusal(world, 'bridge', { command: 'CHECK', containerId: 'liar', netns: pod, config });
    expect(code, msg).to.equal(101);
    expect(msg).not.to.include('read the arguments');
    await untouched();
  });
});
