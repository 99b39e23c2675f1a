import { expect } from 'chai';
import { ipsOf, ranges } from '../support/network';
import type { Snapshot } from '../support/snapshot';
import { type CtrMachine, createCtrMachine, succeeding } from './support/ctr';
import { bridge } from './support/kube-node';
import { describeWith } from './support/programs';

const network = { ...bridge(ranges.ipv4, ranges.ipv6), ipMasq: true };
const gateways = ['10.1.2.1', 'fd00:1:2::1'];
const pinging = (addresses: string[]) => addresses.map((address) => `ping -c 1 -W 5 ${address}`).join(' && ');
const addressesOf = (shown: string) =>
  [...shown.matchAll(/inet6? (\S+)\/\d+ .*scope global/g)].map(([, address = '']) => address);

describeWith(['containerd', 'ctr', 'runc', 'busybox'], 'ctr run --cni', () => {
  let node: CtrMachine;
  let empty: Snapshot;

  before(async () => {
    node = await createCtrMachine();
    node.configure(network);
    await succeeding(node.run('first', ['--rm'], 'true'));
    empty = await node.machine.world.snapshot();
  });
  after(() => node.close());

  /** What a shell in a running container prints; it must succeed. */
  const said = (id: string, script: string) =>
    succeeding(node.ctr('tasks', 'exec', '--exec-id', `shell-${Date.now()}`, id, 'sh', '-c', script));
  const attachments = () => succeeding(node.trestle('attachments'));
  const remove = async (id: string) => {
    await node.ctr('tasks', 'rm', '--force', id);
    await succeeding(node.ctr('containers', 'rm', id));
  };
  /** ctr calls DEL only where it waits for the container's end. */
  const collect = () => succeeding(node.trestle('gc', 'net', '--live'));

  it('attaches a container that reaches its gateways, and detaches it at its end', async () => {
    const shown = await succeeding(
      node.run('one', ['--rm'], 'sh', '-c', `ip address show dev eth0 && ${pinging(gateways)}`),
    );
    expect(addressesOf(shown)).to.deep.equal(['10.1.2.3', 'fd00:1:2::3']);
    await node.expectNothingLeft(empty);
  });

  it('tells what a plugin says, and leaves nothing, when an address is not to be had', async () => {
    node.configure(bridge([{ subnet: '10.1.2.0/24', rangeStart: '10.1.2.10', rangeEnd: '10.1.2.10' }]));
    await succeeding(node.run('holder', ['--detach']));
    const { code, stderr } = await node.run('late', ['--rm'], 'true');
    expect(code).to.equal(1);
    expect(stderr).to.include('no IP addresses available in range set: 10.1.2.10-10.1.2.10');
    expect(await attachments()).to.match(/^net\tdefault-holder\t.*\n$/);
    await remove('late');
    await remove('holder');
    await collect();
    node.configure(network);
    await node.expectNothingLeft(empty);
  });

  it('leaves a detached container attached, until trestle gc finds that it is gone', async () => {
    await succeeding(node.run('two', ['--detach']));
    await said('two', pinging(gateways));
    await collect();
    await said('two', pinging(gateways));
    await remove('two');
    expect(await attachments()).to.include('default-two');
    await collect();
    expect(await attachments()).to.equal('');
    await node.expectNothingLeft(empty);
  });

  it('shares its network with trestle add, check and del, neither in the way of the other', async () => {
    await succeeding(node.run('three', ['--detach']));
    const pod = await node.machine.world.addPod('blue');
    const result = JSON.parse(await succeeding(node.trestle('add', 'net', 'blue')));
    const theirs = addressesOf(await said('three', 'ip address show dev eth0'));
    expect(new Set([...theirs, ...ipsOf(result)])).to.have.lengthOf(4);
    await said('three', pinging(ipsOf(result)));
    for (const address of theirs) expect(await node.machine.world.ping(pod, address), address).to.equal(true);
    expect(await node.trestle('check', 'net', 'blue')).to.include({ code: 0, stdout: '', stderr: '' });
    expect(await node.trestle('del', 'net', 'blue')).to.include({ code: 0, stdout: '', stderr: '' });
    expect(await node.trestle('check', 'net', 'blue')).to.include({ code: 1 });
    await said('three', pinging(gateways));
    await node.machine.world.removePod(pod);
    await remove('three');
    await collect();
    await node.expectNothingLeft(empty);
  });
});
