import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping } from '../support/leftovers';
import { bridgeNetwork, type Config, hostLocal, refusal, succeed } from '../support/network';
import { installedPlugins } from '../support/plugins';
import type { Snapshot } from '../support/snapshot';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork({ cniVersion: '1.1.0', ipMasq: true });
const elsewhere = {
  ...config,
  name: 'net2',
  bridge: 'br2',
  ipam: hostLocal([{ subnet: '10.2.0.0/24' }], [{ subnet: 'fd00:2::/64' }]),
};

/** The GC of a network in which only these containers' eth0 are valid. */
const gc = (valid: string[], network: Config = config) => ({
  command: 'GC',
  config: { ...network, 'cni.dev/valid-attachments': valid.map((containerID) => ({ containerID, ifname: 'eth0' })) },
});

describe('GC', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  const attach = async (containerId: string, network: Config = config) =>
    succeed(world, 'bridge', { netns: await world.addPod(containerId), containerId, config: network });

  /** What is in the world before the pods that are to be removed come: pods of their own namespaces included. */
  async function settled(pods: string[]): Promise<Snapshot> {
    const snapshot = await world.snapshot();
    for (const pod of pods) await attach(pod);
    return snapshot;
  }

  /** The pods' namespaces stay: they are their runtime's. */
  async function expectAsBefore(before: Snapshot, pods: string[]): Promise<void> {
    for (const name of pods) await world.removePod({ name, path: `/run/netns/${name}` });
    expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
  }

  async function addForeignThings(): Promise<void> {
    await attach('stranger', elsewhere);
    await world.ip('link add vethforeign type veth peer name vethpeer');
    await world.ip('link set vethforeign alias trestle-like');
    await world.ip('link set vethpeer master br0');
    await world.run('nft', [
      'add table ip foreign; add set ip foreign pods { type ipv4_addr; elements = { 10.1.2.3 } }',
    ]);
    mkdirSync(world.path('/var/lib/cni/networks/net3'));
    writeFileSync(world.path('/var/lib/cni/networks/net3/10.1.2.9'), 'gone1\r\neth0');
  }

  it('removes what is not in the list, and nothing else', async () => {
    await attach('valid');
    await addForeignThings();
    const before = await settled(['gone1', 'gone2']);
    await succeed(world, 'bridge', gc(['valid', 'never']));
    await expectAsBefore(before, ['gone1', 'gone2']);
  });

  it('does nothing without a list', async () => {
    await attach('one');
    const before = await world.snapshot();
    await succeed(world, 'bridge', { command: 'GC', config });
    expectUnchanged(before, await world.snapshot());
  });

  it('takes an empty list to mean that nothing is valid', async () => {
    await attach('first');
    await succeed(world, 'bridge', gc([]));
    await world.removePod({ name: 'first', path: '/run/netns/first' });
    const before = await settled(['one', 'two']);
    await succeed(world, 'bridge', gc([]));
    await expectAsBefore(before, ['one', 'two']);
  });

  it('tells the interfaces of one container apart', async () => {
    await attach('two');
    const before = await world.snapshot();
    await succeed(world, 'bridge', { netns: '/run/netns/two', containerId: 'two', ifname: 'net1', config });
    await succeed(world, 'bridge', gc(['two']));
    expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
  });

  it('finds links, elements and leases without their records', async () => {
    await attach('valid');
    await addForeignThings();
    const before = await settled(['gone1', 'gone2']);
    await world.run('rm', ['-r', '/run/trestle/attachments', '/run/trestle/leases']);
    await succeed(world, 'bridge', gc(['valid']));
    await world.run('rm', ['-r', '/run/trestle/leases']);
    for (const name of ['gone1', 'gone2']) await world.removePod({ name, path: `/run/netns/${name}` });
    expectUnchanged(before, await world.snapshot(), { allow: [...bookkeeping, /^files \/run\/trestle\/.*: removed/] });
  });

  it('clears what pods have left whose namespaces went without a DEL', async () => {
    await attach('valid');
    const before = await settled(['gone1', 'gone2']);
    await expectGone(['gone1', 'gone2']);
    await succeed(world, 'bridge', gc(['valid']));
    expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
  });

  const expectGone = async (pods: string[]) => {
    for (const name of pods) await world.removePod({ name, path: `/run/netns/${name}` });
    expect((await world.snapshot()).files).to.have.property('/var/lib/cni/networks/net/10.1.2.3');
  };

  it('goes on past what fails, tells it, and can be repeated', async () => {
    const foreign = { ...config, ipam: { type: 'foreign-ipam' } };
    const env = { CNI_PATH: `${installedPlugins}:/run/foreign` };
    mkdirSync(world.path('/run/foreign'));
    writeFileSync(world.path('/run/foreign/foreign-ipam'), FOREIGN_IPAM, { mode: 0o755 });
    await attach('first');
    await succeed(world, 'bridge', gc([]));
    await world.removePod({ name: 'first', path: '/run/netns/first' });
    const before = await world.snapshot();
    const pods = ['bad', 'good'];
    for (const [index, pod] of pods.entries()) {
      const call = { netns: await world.addPod(pod), containerId: pod, config: foreign };
      await succeed(world, 'bridge', { ...call, env: { ...env, ADDRESS: `10.1.2.${index + 7}/24` } });
    }
    writeFileSync(world.path('/run/foreign/broken'), '');
    expect((await refusal(world, 'bridge', { ...gc([], foreign), env })).msg).to.include('no way to release bad');
    expect(await world.ip('link show', { path: '/run/netns/good' })).to.have.length(1);
    expect(Object.keys((await world.snapshot()).files).filter((path) => path.endsWith('.json'))).to.have.length(1);
    rmSync(world.path('/run/foreign/broken'));
    await succeed(world, 'bridge', { ...gc([], foreign), env });
    await expectAsBefore(before, pods);
  });

  it('is refused by versions of the specification that know no GC, and so is STATUS', async () => {
    for (const command of ['GC', 'STATUS']) {
      const { code } = await refusal(world, 'bridge', { command, config: { ...gc([]).config, cniVersion: '1.0.0' } });
      expect(code, command).to.equal(1);
    }
  });
});

const FOREIGN_IPAM = `#!/bin/sh -e
case $CNI_COMMAND in
ADD) echo '{"cniVersion":"1.1.0","ips":[{"address":"'$ADDRESS'"}]}' ;;
DEL) if [ $CNI_CONTAINERID = bad ] && [ -e /run/foreign/broken ]; then
  echo '{"code":999,"msg":"no way to release bad"}'; exit 1
fi ;;
esac
`;
