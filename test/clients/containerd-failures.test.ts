import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { addScript, ranges } from '../support/network';
import { bridge, type KubeNode, startKubeNode } from './support/kube-node';
import { describeWith } from './support/programs';

const twoAddresses = [{ subnet: '10.1.2.0/24', rangeStart: '10.1.2.10', rangeEnd: '10.1.2.11' }];

describeWith(['containerd', 'runc', 'busybox'], 'containerd, when a pod cannot be attached', () => {
  let node: KubeNode;

  before(async () => {
    node = await startKubeNode();
    await node.machine.install();
  });
  after(() => node.close());
  afterEach(() => node.removePods());

  /** What RunPodSandbox says; it must fail. */
  const refusal = () =>
    node.kubelet.sandbox('refused').then(
      () => expect.fail('the pod was started'),
      ({ message }: Error) => message,
    );

  it('tells that a pool is exhausted, and gives an address that was freed to the next pod', async () => {
    await node.configure('small', [bridge(twoAddresses)]);
    const empty = await node.withoutPods();
    const [first, second] = [await node.kubelet.sandbox('first'), await node.kubelet.sandbox('second')];
    const full = await node.machine.world.snapshot();
    expect(await refusal()).to.include('no IP addresses available in range set: 10.1.2.10-10.1.2.11');
    expectUnchanged(full, await node.machine.world.snapshot());
    await node.kubelet.remove(first);
    const third = await node.kubelet.sandbox('third');
    expect(third.ips).to.deep.equal(first.ips);
    for (const pod of [second, third]) await node.kubelet.remove(pod);
    await node.expectNothingLeft(empty);
  });

  it('tells which key of the configuration is wrong, and leaves nothing', async () => {
    const untouched = await node.machine.world.snapshot();
    await node.configure('broken', [{ ...bridge(ranges.ipv4), mtu: 'many' }]);
    expect(await refusal()).to.include('"mtu": expected 0 or a whole number from 68 to 65535, found "many" (string)');
    await node.expectNothingLeft(untouched);
  });

  it('undoes what the bridge did when a later plugin of the list fails', async () => {
    await node.configure('whole', [bridge(ranges.ipv4)]);
    const empty = await node.withoutPods();
    const failing = `[ "$CNI_COMMAND" = DEL ] || { echo '{"cniVersion":"1.0.0","code":11,"msg":"not today"}'; exit 1; }`;
    addScript(node.machine.world, '/opt/cni/bin/late', failing);
    await node.configure('whole', [bridge(ranges.ipv4), { type: 'late' }]);
    expect(await refusal()).to.include('plugin type="late" failed (add): not today');
    await node.expectNothingLeft(empty);
  });

  it('removes a pod whose configuration was broken meanwhile', async () => {
    await node.configure('net', [bridge(ranges.ipv4)]);
    const empty = await node.withoutPods();
    const pod = await node.kubelet.sandbox('pod');
    await node.configure('net', [{ ...bridge(ranges.ipv4), mtu: 'many', ipMasq: 'yes' }]);
    await node.kubelet.remove(pod);
    await node.expectNothingLeft(empty);
  });
});
