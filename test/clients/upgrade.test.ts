import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ranges } from '../support/network';
import { referencePlugins } from '../support/plugins';
import type { Snapshot } from '../support/snapshot';
import { bridge, type KubeNode, startKubeNode } from './support/kube-node';
import type { RunningPod } from './support/kubelet';
import { describeWith } from './support/programs';

const bin = '/opt/cni/bin';
const network = { ...bridge(ranges.ipv4, ranges.ipv6), ipMasq: true };
/* The reference waits for duplicate address detection, so that the bridge of the first pod has these only with a second one. */
const bridgeUp = /^namespaces host routes: added (local|anycast) fd00:1:2::1? dev br0 /;
/* What Trestle's pods were masqueraded by, without the pods. */
const masquerading = /^namespaces host nft: added (table|chain|set|rule) .*"trestle_/;
const shared = [bridgeUp, masquerading];
const elements = /^namespaces host nft: added element of inet trestle_masquerade /;

describeWith(['containerd', 'runc', 'busybox'], 'plugins replaced under running pods', () => {
  let node: KubeNode;
  let empty: Snapshot;
  let old: RunningPod[];
  let young: RunningPod[];

  before(async () => {
    node = await startKubeNode();
    await node.machine.world.run('cp', ['-a', `${referencePlugins}/.`, bin]);
    await node.configure('net', [network]);
    empty = await node.withoutPods();
  });
  after(() => node.close());

  const isReference = () =>
    readFileSync(node.machine.world.path(join(bin, 'bridge'))).equals(readFileSync(join(referencePlugins, 'bridge')));
  /** CHECK of the bridge plugin that is installed now, with the result that containerd has kept. */
  const checked = async ({ id }: RunningPod) => {
    const cache = node.machine.world.path(`/var/lib/cni/results/net-${id}-eth0`);
    const { result } = JSON.parse(readFileSync(cache, 'utf8'));
    // The reference takes no other path than the one that ADD had.
    const netns = result.interfaces.find(({ sandbox }: { sandbox?: string }) => sandbox).sandbox;
    const config = { cniVersion: '1.0.0', name: 'net', ...network, prevResult: result };
    return node.machine.world.cni('bridge', { command: 'CHECK', containerId: id, netns, config });
  };
  const expectReachable = async (from: RunningPod, to: RunningPod) => {
    for (const ip of to.ips) {
      expect(await from.exec('ping', '-c', '1', '-W', '5', ip), `ping ${ip}`).to.include({ code: 0 });
    }
  };

  it("leaves the reference's pods connected when Trestle is installed, and finds them in order", async () => {
    expect(isReference()).to.equal(true);
    old = [await node.kubelet.run('old0'), await node.kubelet.run('old1')];
    expect(await node.machine.install({ FORCE: '1' })).to.include({ code: 0, stderr: '' });
    expect(isReference()).to.equal(false);
    await expectReachable(old[0] as RunningPod, old[1] as RunningPod);
    for (const pod of old) expect(await checked(pod)).to.include({ code: 0, stdout: '' });
  });

  it("gives new pods other addresses on the same bridge, and removes the reference's pods without a trace", async () => {
    young = [await node.kubelet.run('young0'), await node.kubelet.run('young1')];
    expect(new Set([...old, ...young].flatMap(({ ips }) => ips))).to.have.lengthOf(8);
    await expectReachable(young[0] as RunningPod, old[0] as RunningPod);
    for (const pod of old) await node.kubelet.remove(pod);
    await expectReachable(young[0] as RunningPod, young[1] as RunningPod);
    for (const pod of young) await node.kubelet.remove(pod);
    await node.expectNothingLeft(empty, shared);
  });

  it('is not uninstalled while its pods run, unless it is forced, and leaves them connected then', async () => {
    young = [await node.kubelet.run('young0'), await node.kubelet.run('young1')];
    const refused = await node.machine.uninstall();
    expect(refused).to.include({ code: 1 });
    expect(refused.stderr).to.include('pods are attached');
    expect(await node.machine.uninstall({ FORCE: '1' })).to.include({ code: 0, stderr: '' });
    expect(isReference()).to.equal(true);
    expect(readdirSync(node.machine.world.path(bin))).to.have.members(readdirSync(referencePlugins));
    await expectReachable(young[0] as RunningPod, young[1] as RunningPod);
    for (const pod of young) expect(await checked(pod)).to.include({ code: 0, stdout: '' });
  });

  it('leaves its pods for the reference to remove, and collects its own notes of them when it is back', async () => {
    // The reference fails at iptables rules that were never there, after it has deleted the link; kubelet tries again.
    for (const pod of young) await node.kubelet.remove(pod).catch(() => node.kubelet.remove(pod));
    await node.expectNothingLeft(empty, [...shared, elements, /^files \/run\/trestle\//]);
    expect(await node.machine.install({ FORCE: '1' })).to.include({ code: 0, stderr: '' });
    const config = { cniVersion: '1.1.0', name: 'net', ...network, 'cni.dev/valid-attachments': [] };
    expect(await node.machine.world.cni('bridge', { command: 'GC', config })).to.include({ code: 0, stdout: '' });
    await node.expectNothingLeft(empty, shared);
  });
});
