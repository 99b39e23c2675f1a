import { expect } from 'chai';
import { ranges } from '../support/network';
import { bridge, type KubeNode, startKubeNode } from './support/kube-node';
import { describeWith } from './support/programs';

const url = (ip: string) => (ip.includes(':') ? `http://[${ip}]/` : `http://${ip}/`);

describeWith(['containerd', 'runc', 'busybox'], 'containerd, called as kubelet calls it', () => {
  let node: KubeNode;

  before(async () => {
    node = await startKubeNode();
  });
  after(() => node.close());
  afterEach(() => node.removePods());

  it('finds the network ready with the plugins and a configuration, not before', async () => {
    expect(await node.kubelet.networkProblem()).to.include('cni plugin not initialized');
    expect(await node.machine.install()).to.include({ code: 0, stderr: '' });
    await node.configure('ready', [bridge(ranges.ipv4)]);
    expect(await node.kubelet.networkProblem()).to.equal(null);
  });

  const families: [string, object[][], string[]][] = [
    ['IPv4', [ranges.ipv4], ['10.1.2.']],
    ['IPv6', [ranges.ipv6], ['fd00:1:2::']],
    ['dual-stack', [ranges.ipv4, ranges.ipv6], ['10.1.2.', 'fd00:1:2::']],
  ];
  for (const [family, sets, prefixes] of families) {
    it(`runs ${family} pods that reach each other, and removes them without a trace`, async () => {
      await node.configure(family, [bridge(...sets)]);
      const empty = await node.withoutPods();
      const [asking, answering] = [await node.kubelet.run('asking'), await node.kubelet.run('answering')];
      for (const { ips } of [asking, answering]) {
        expect(ips.map((ip) => prefixes.findIndex((prefix) => ip.startsWith(prefix)))).to.deep.equal([
          ...prefixes.keys(),
        ]);
      }
      for (const ip of answering.ips) {
        expect(await asking.exec('ping', '-c', '1', '-W', '5', ip), `ping ${ip}`).to.include({ code: 0 });
        expect(await asking.exec('wget', '-q', '-O', '-', url(ip))).to.include({
          stdout: 'hello from a pod\n',
          stderr: '',
        });
      }
      await node.kubelet.remove(asking);
      await node.kubelet.remove(answering);
      await node.expectNothingLeft(empty);
    });
  }

  it('gives 20 pods at once addresses at which they are reached, and removes them at once without a trace', async () => {
    await node.configure('many', [bridge(ranges.ipv4)]);
    const empty = await node.withoutPods();
    const asking = await node.kubelet.run('asking');
    const names = Array.from({ length: 19 }, (_, index) => `pod${index}`);
    const others = await Promise.all(names.map((name) => node.kubelet.sandbox(name)));
    const addresses = others.flatMap(({ ips }) => ips);
    expect(new Set([...addresses, ...asking.ips])).to.have.lengthOf(20);
    const script = addresses.map((address) => `ping -c 1 -W 5 ${address} >/dev/null || echo ${address}`).join('\n');
    expect(await asking.exec('sh', '-c', script), 'who did not answer').to.deep.include({ code: 0, stdout: '' });
    await Promise.all([asking, ...others].map((pod) => node.kubelet.remove(pod)));
    await node.expectNothingLeft(empty);
  });
});
