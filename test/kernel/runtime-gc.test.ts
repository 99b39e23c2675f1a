import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping } from '../support/leftovers';
import { bridgeNetwork } from '../support/network';
import { addRecorder, type RecordedCall, takeCalls } from '../support/recorder';
import type { Snapshot } from '../support/snapshot';
import { configure, containerIdOf, done, failed } from '../support/trestle';
import { createWorld, type World } from '../support/world';

const { cniVersion, name, ...bridge } = bridgeNetwork({ cniVersion: '1.1.0', ipMasq: true });
const list = { cniVersion, name, plugins: [bridge, { type: 'one' }] };

describe('trestle gc', () => {
  let world: World;
  let clean: Snapshot;

  before(async () => {
    world = await createWorld();
    addRecorder(world, 'one');
    configure(world, '10-net.conflist', list);
    configure(world, '20-other.conflist', { cniVersion: '1.1.0', name: 'other', plugins: [{ type: 'one' }] });
    await attach('first');
    await done(world, 'gc net');
    await world.run('ip', ['netns', 'delete', 'first']);
    takeCalls(world);
    clean = await world.snapshot();
  });

  beforeEach(async () => {
    for (const pod of ['a', 'b', 'c']) await attach(pod);
    await done(world, 'add other a');
    takeCalls(world);
  });

  afterEach(async () => {
    for (const pod of ['a', 'b', 'c']) await world.run('ip', ['netns', 'delete', pod]);
    for (const network of ['net', 'other']) await done(world, `gc ${network}`);
    takeCalls(world);
    expectUnchanged(clean, await world.snapshot(), { allow: bookkeeping });
  });

  after(() => world.close());

  async function attach(pod: string): Promise<void> {
    await world.addPod(pod);
    await done(world, `add net ${pod}`);
  }

  const calledWith = (command: string, calls: RecordedCall[]) => calls.filter(({ call }) => call.startsWith(command));
  const bridged = async () => (await world.ip('link show master br0')).length;
  const kept = () => readdirSync(world.path('/var/lib/cni/results')).map((file) => file.replace(/-cnitool-.*/, ''));

  it('without more ends every attachment of the network, and gives the plugins no list', async () => {
    expect(await done(world, 'gc net')).to.equal('');
    const calls = takeCalls(world);
    expect(calls.map(({ call }) => call)).to.deep.equal(['DEL one', 'DEL one', 'DEL one', 'GC one']);
    expect(calls[3]?.stdin).to.deep.equal({ ...list.plugins[1], cniVersion, name });
    expect([await bridged(), kept()]).to.deep.equal([0, ['other']]);
  });

  it('--live leaves those whose namespace is there, and tells the plugins of them', async () => {
    await world.run('ip', ['netns', 'delete', 'b']);
    expect(await done(world, 'gc net --live')).to.equal('');
    const calls = takeCalls(world);
    expect(calledWith('DEL', calls).map(({ env }) => env.CNI_NETNS)).to.deep.equal(['/run/netns/b']);
    const [collected] = calledWith('GC', calls);
    expect(collected?.stdin['cni.dev/valid-attachments']).to.have.length(2);
    expect(collected?.stdin['cni.dev/attachments']).to.deep.equal(collected?.stdin['cni.dev/valid-attachments']);
    expect([await bridged(), kept()]).to.deep.equal([2, ['net', 'net', 'other']]);
    for (const pod of ['a', 'c']) await done(world, `del net ${pod}`);
  });

  it('--valid leaves those that are named', async () => {
    const id = containerIdOf('/run/netns/b');
    expect(await done(world, `gc net --valid ${id}/eth0 --valid unknown/eth1`)).to.equal('');
    const calls = takeCalls(world);
    expect(
      calledWith('DEL', calls)
        .map(({ env }) => env.CNI_NETNS)
        .sort(),
    ).to.deep.equal(['/run/netns/a', '/run/netns/c']);
    expect(calledWith('GC', calls)[0]?.stdin['cni.dev/valid-attachments']).to.deep.equal([
      { containerID: id, ifname: 'eth0' },
      { containerID: 'unknown', ifname: 'eth1' },
    ]);
    expect(await bridged()).to.equal(1);
    await done(world, 'check other a');
  });

  it('--live --valid leaves both', async () => {
    await world.run('ip', ['netns', 'delete', 'b']);
    await done(world, 'gc net --live --valid x/eth0');
    const [collected] = calledWith('GC', takeCalls(world));
    expect(collected?.stdin['cni.dev/valid-attachments']).to.have.length(3);
    expect(await bridged()).to.equal(2);
  });

  it('does all it can when plugins fail, and tells each failure', async () => {
    addRecorder(
      world,
      'one',
      '[ "$CNI_NETNS" = /run/netns/b ] || { echo \'{"code": 11, "msg": "not now"}\'; exit 1; }',
    );
    const { code, stderr } = await failed(world, 'gc net');
    const [del, gc] = ['delete', 'gc'].map((doing) => `plugin type="one" failed (${doing}): not now`);
    expect({ code, stderr }).to.deep.equal({ code: 1, stderr: `trestle: ${del}; ${del}; ${gc}\n` });
    addRecorder(world, 'one');
    expect(kept()).to.deep.equal(['net', 'net', 'other']);
  });
});

describe('trestle status', () => {
  let world: World;

  before(async () => {
    world = await createWorld();
    addRecorder(world, 'one');
  });

  after(() => world.close());

  it('says nothing when every plugin can serve', async () => {
    configure(world, 'net.conflist', list);
    expect(await done(world, 'status net')).to.equal('');
    expect(takeCalls(world).map(({ call }) => call)).to.deep.equal(['STATUS one']);
  });

  it('ends with 1, and says which plugin cannot, and why', async () => {
    addRecorder(world, 'one', 'echo \'{"code": 50, "msg": "no controller"}\'; exit 1');
    expect(await failed(world, 'status net')).to.deep.equal({
      code: 1,
      stderr: 'trestle: plugin type="one" failed (status): no controller\n',
    });
    await world.ip('link add br0 type veth peer name taken');
    expect(await failed(world, 'status net')).to.deep.equal({
      code: 1,
      stderr:
        'trestle: plugin type="bridge" failed (status): "br0" already exists but is not a bridge; it is a veth device\n',
    });
    expect(takeCalls(world).map(({ call }) => call)).to.deep.equal(['STATUS one']);
  });
});
