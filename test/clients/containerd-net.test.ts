import { expect } from 'chai';
import type { Outside } from '../support/outside';
import type { EchoPeer, Place } from '../support/peers';
import type { Snapshot } from '../support/snapshot';
import { type KubeNode, startKubeNode } from './support/kube-node';
import type { RunningPod } from './support/kubelet';
import { describeWith } from './support/programs';

/** The network that containerd's own documentation configures. */
const plugins = [
  {
    type: 'bridge',
    bridge: 'cni0',
    isGateway: true,
    ipMasq: true,
    promiscMode: true,
    ipam: {
      type: 'host-local',
      ranges: [[{ subnet: '10.88.0.0/16' }], [{ subnet: '2001:4860:4860::/64' }]],
      routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
    },
  },
  { type: 'portmap', capabilities: { portMappings: true } },
];
const ports = [{ hostPort: 8080, containerPort: 80 }];

describeWith(['containerd', 'runc', 'iptables', 'busybox'], "containerd's documented network", () => {
  let node: KubeNode;
  let outside: Outside;
  let peers: EchoPeer[];
  let empty: Snapshot;
  let web: RunningPod;

  before(async () => {
    node = await startKubeNode();
    await node.machine.install();
    outside = await node.machine.world.addOutside();
    peers = await Promise.all(outside.ips.map((ip) => node.machine.world.echo(outside, ip)));
    await node.configure('containerd-net', plugins);
    empty = await node.withoutPods(ports);
    web = await node.kubelet.run('web', ports);
  });
  after(() => node.close());

  const fetched = async (url: string, place: Place) =>
    (await node.machine.world.run('busybox', ['wget', '-q', '-O', '-', url], { in: place, timeoutMs: 5000 })).stdout;

  for (const [index, family] of ['IPv4', 'IPv6'].entries()) {
    it(`lets a pod out under the node's address (${family})`, async () => {
      expect(await node.machine.world.sourceSeenBy(peers[index] as EchoPeer, web)).to.equal(outside.hostIps[index]);
    });
  }

  it("serves a pod's port on the node to a neighbour and to the node itself", async () => {
    expect(await fetched(`http://${outside.hostIps[0]}:8080/`, outside)).to.equal('hello from a pod\n');
    expect(await fetched('http://10.88.0.1:8080/', 'host')).to.equal('hello from a pod\n');
  });

  it('removes the pod without a trace of either', async () => {
    await node.kubelet.remove(web);
    await node.expectNothingLeft(empty);
  });
});
