import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping, sharedObjects } from '../support/leftovers';
import { ranges } from '../support/network';
import { until } from './support/containerd';
import { bridge, type KubeNode, startKubeNode } from './support/kube-node';
import { describeWith } from './support/programs';

const anotherContainerd = /^processes: (added|removed) nsenter .* -- containerd /;
/* It does not know them yet while they start, and forgets them, with their cgroups. */
const lostShims = [/^processes: added .*containerd-shim/, /^files \/run\/containerd\//];

describeWith(['containerd', 'runc', 'busybox'], 'containerd, started anew', () => {
  let node: KubeNode;

  before(async () => {
    node = await startKubeNode();
    await node.machine.install();
  });
  after(() => node.close());
  afterEach(() => node.removePods());

  it('finds pods that lived on after it was killed, and removes them without a trace', async () => {
    await node.configure('dual-stack', [bridge(ranges.ipv4, ranges.ipv6)]);
    const empty = await node.withoutPods();
    const [asking, answering] = [await node.kubelet.run('asking'), await node.kubelet.run('answering')];
    await node.containerd.kill();
    for (const ip of answering.ips) expect(await node.machine.world.ping(asking, ip), `ping ${ip}`).to.equal(true);
    await node.containerd.start();
    expect(await node.kubelet.networkProblem()).to.equal(null);
    for (const ip of answering.ips) expect(await asking.exec('ping', '-c', '1', '-W', '5', ip)).to.include({ code: 0 });
    for (const pod of [asking, answering]) await node.kubelet.remove(pod);
    await node.expectNothingLeft(empty);
  });

  it('removes pods after a reboot, when only their leases are left, and has their addresses for new ones', async () => {
    const pool = { subnet: '10.1.2.0/24', rangeStart: '10.1.2.10', rangeEnd: '10.1.2.11' };
    await node.configure('small', [bridge([pool])]);
    const empty = await node.withoutPods();
    const old = [await node.kubelet.run('old0'), await node.kubelet.run('old1')];
    await node.machine.reboot();
    await node.containerd.start();
    expect(readdirSync(node.machine.world.path('/var/lib/cni/networks/small'))).to.include.members([
      '10.1.2.10',
      '10.1.2.11',
    ]);
    expect(await node.kubelet.pods()).to.have.members(old.map(({ id }) => id));
    for (const pod of old) await node.kubelet.remove(pod);
    const young = [await node.kubelet.run('young0'), await node.kubelet.run('young1')];
    expect(young.flatMap(({ ips }) => ips)).to.have.members(['10.1.2.10', '10.1.2.11']);
    for (const pod of young) await node.kubelet.remove(pod);
    await node.expectNothingLeft(empty, [...sharedObjects('br0'), anotherContainerd]);
  });

  it('removes without a trace what it was starting when it was killed', async () => {
    await node.configure('interrupted', [bridge(ranges.ipv4, ranges.ipv6)]);
    const empty = await node.withoutPods();
    const names = Array.from({ length: 6 }, (_, index) => `pod${index}`);
    const started = Promise.allSettled(names.map((name) => node.kubelet.sandbox(name)));
    const records = () => readdirSync(node.machine.world.path('/run/trestle/attachments'));
    await until('some pods are attached', async () => records().length >= 3);
    await node.containerd.kill();
    await started;
    await node.containerd.start();
    await node.removePods();
    const allow = [...bookkeeping, ...lostShims, anotherContainerd];
    expectUnchanged(empty, await node.machine.world.snapshot(), { allow });
  });
});
