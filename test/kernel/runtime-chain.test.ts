import { mkdirSync, rmSync } from 'node:fs';
import { expect } from 'chai';
import { bridgeNetwork } from '../support/network';
import { addRecorder, resultOf, takeCalls } from '../support/recorder';
import { added, configurations, configure, containerIdOf, done, failed } from '../support/trestle';
import { createWorld, type World } from '../support/world';

const containerId = containerIdOf('/run/netns/blue');
const CAP_ARGS = JSON.stringify({ portMappings: [{ hostPort: 80 }], bandwidth: { ingressRate: 1 }, mac: 'x' });

describe('Each plugin of a network', () => {
  let world: World;

  before(async () => {
    world = await createWorld();
    await world.addPod('blue');
    for (const type of ['one', 'two', 'three']) addRecorder(world, type);
  });

  after(() => world.close());

  /** A network of the three; `changes` are to the list. */
  const configureList = (changes: object = {}, plugins: object[] = ['one', 'two', 'three'].map((type) => ({ type }))) =>
    configure(world, 'net.conflist', { cniVersion: '1.1.0', name: 'net', plugins, ...changes });

  /** What trestle gave to whom: the calls, and one part of each one's input. */
  async function callsOf(line: string, env: Record<string, string> = {}) {
    await done(world, line, env);
    return takeCalls(world);
  }

  const tell = (calls: ReturnType<typeof takeCalls>) => calls.map(({ call }) => call);

  it('is given the name, the version and the result before its own; DEL goes in reverse, with the last result', async () => {
    configureList({}, [{ type: 'one', key: [1, { a: null }] }, { type: 'two' }, { type: 'three', name: 'x' }]);
    expect(await added(world, 'net blue')).to.deep.equal({ ...resultOf('three'), cniVersion: '1.1.0' });
    const [prevOne, prevTwo, prevThree] = ['one', 'two', 'three'].map((type) => resultOf(type, '1.1.0'));
    const common = { cniVersion: '1.1.0', name: 'net' };
    const one = { type: 'one', key: [1, { a: null }], ...common };
    expect(takeCalls(world).map(({ stdin }) => stdin)).to.deep.equal([
      one,
      { type: 'two', ...common, prevResult: prevOne },
      { type: 'three', ...common, prevResult: prevTwo },
    ]);
    const checks = await callsOf('check net blue');
    expect(tell(checks)).to.deep.equal(['CHECK one', 'CHECK two', 'CHECK three']);
    const dels = await callsOf('del net blue');
    expect(tell(dels)).to.deep.equal(['DEL three', 'DEL two', 'DEL one']);
    for (const { stdin } of [...checks, ...dels]) expect(stdin.prevResult).to.deep.equal(prevThree);
    expect(dels[2]?.stdin).to.deep.equal({ ...one, prevResult: prevThree });
  });

  it("is given the protocol's variables, those of the ADD also later", async () => {
    configureList({}, [{ type: 'one' }]);
    const env = { CNI_IFNAME: 'net1', CNI_ARGS: 'A=1;B=two' };
    const [add] = await callsOf('add net blue', env);
    expect(add?.env).to.deep.equal({
      CNI_CONTAINERID: containerId,
      CNI_NETNS: '/run/netns/blue',
      CNI_IFNAME: 'net1',
      CNI_ARGS: 'A=1;B=two',
      CNI_PATH: `${world.plugins}:/run/bin`,
    });
    const later = { CNI_IFNAME: 'net1' };
    for (const command of ['check', 'del']) {
      expect((await callsOf(`${command} net blue`, later))[0]?.env, command).to.deep.equal(add?.env);
    }
    expect((await callsOf('del net blue', later))[0]?.env).to.deep.equal({ ...add?.env, CNI_ARGS: '' });
    const [status] = await callsOf('status net', env);
    const none = { CNI_CONTAINERID: '', CNI_NETNS: '', CNI_IFNAME: '', CNI_ARGS: '' };
    expect(status).to.deep.include({ call: 'STATUS one', env: { ...add?.env, ...none } });
  });

  it("that another one asks as its IPAM is given the protocol's variables, too, and the caller's others", async () => {
    addRecorder(
      world,
      'asked',
      'echo "$MARK" >/run/mark; [ "$CNI_COMMAND" = ADD ] && echo \'{"ips": [{"address": "10.9.0.2/24"}]}\' && exit',
    );
    configureList({}, [{ ...bridgeNetwork(), ipam: { type: 'asked' } }]);
    const env = { CNI_IFNAME: 'net1', CNI_ARGS: 'IgnoreUnknown=1;A=1', MARK: 'mine' };
    const add = (await callsOf('add net blue', env)).find(({ call }) => call === 'ADD asked');
    expect(add?.env).to.deep.equal({
      CNI_CONTAINERID: containerId,
      CNI_NETNS: '/run/netns/blue',
      CNI_IFNAME: 'net1',
      CNI_ARGS: 'IgnoreUnknown=1;A=1',
      CNI_PATH: `${world.plugins}:/run/bin`,
    });
    expect(await world.run('cat', ['/run/mark'])).to.have.property('stdout', 'mine\n');
    const dels = await callsOf('del net blue', { CNI_IFNAME: 'net1' });
    expect(dels[0]).to.deep.include({ call: 'DEL asked', env: add?.env });
  });

  it('is given of CAP_ARGS what it declares, at the ADD and later', async () => {
    const capabilities = { portMappings: true, bandwidth: false, ips: true };
    configureList({}, [{ type: 'one', capabilities }, { type: 'two' }, { type: 'three', capabilities: { mac: true } }]);
    const given = { portMappings: [{ hostPort: 80 }] };
    const expected = { one: given, two: undefined, three: { mac: 'x' } };
    for (const [line, env] of [
      ['add', { CAP_ARGS }],
      ['check', {}],
      ['del', {}],
    ] as const) {
      const calls = await callsOf(`${line} net blue`, env);
      const told = Object.fromEntries(calls.map(({ stdin }) => [stdin.type, stdin.runtimeConfig]));
      expect(told, line).to.deep.equal(expected);
    }
  });

  it('is told the highest version of cniVersions that there is', async () => {
    for (const [cniVersions, cniVersion] of [
      [['0.3.1', '1.0.0', '9.9.9'], '1.0.0'],
      [['1.1.0', '0.4.0'], '1.1.0'],
      [[], '0.4.0'],
    ] as const) {
      configureList({ cniVersion: '0.4.0', cniVersions });
      const calls = await callsOf('add net blue');
      expect(calls.map(({ stdin }) => [stdin.cniVersion, stdin.prevResult?.cniVersion])).to.deep.equal([
        [cniVersion, undefined],
        [cniVersion, cniVersion],
        [cniVersion, cniVersion],
      ]);
      await callsOf('del net blue');
    }
  });

  it('is not asked to CHECK, or to collect garbage, where the network says so', async () => {
    configureList({ disableCheck: true, disableGC: true });
    await callsOf('add net blue');
    expect(await callsOf('check net blue')).to.deep.equal([]);
    expect(await callsOf('gc net')).to.deep.equal([]);
    expect(tell(await callsOf('del net blue'))).to.have.length(3);
  });

  it('is asked only what its version has', async () => {
    configureList({ cniVersion: '0.3.1' });
    await callsOf('add net blue');
    expect(await failed(world, 'check net blue')).to.deep.equal({
      code: 1,
      stderr: 'trestle: configuration version "0.3.1" does not support the CHECK command\n',
    });
    expect(takeCalls(world)).to.deep.equal([]);
    expect(await callsOf('status net')).to.deep.equal([]);
    const calls = await callsOf('gc net');
    expect(tell(calls)).to.deep.equal(['DEL three', 'DEL two', 'DEL one']);
    for (const { stdin } of calls) expect(stdin).not.to.have.property('prevResult');
  });

  it("may stand in the folder of the network's name, unless the list forbids that", async () => {
    mkdirSync(world.path(`${configurations}/net`), { recursive: true });
    configure(world, 'net/20-three.conf', { type: 'three' });
    configure(world, 'net/10-two.conf', { type: 'two', key: 1 });
    configure(world, 'net/30-four.json', { type: 'four' });
    const types = async () =>
      (await callsOf('add net blue')).map(({ stdin }) => [stdin.type, stdin.name, stdin.cniVersion]);
    const [one, two, three] = ['one', 'two', 'three'].map((type) => [type, 'net', '1.1.0']);
    configureList({}, [{ type: 'one' }]);
    expect(await types()).to.deep.equal([one, two, three]);
    expect(tell(await callsOf('del net blue'))).to.deep.equal(['DEL three', 'DEL two', 'DEL one']);
    configureList({ plugins: undefined });
    expect(await types()).to.deep.equal([two, three]);
    configureList({ loadOnlyInlinedPlugins: true }, [{ type: 'one' }]);
    expect(await types()).to.deep.equal([one]);
    rmSync(world.path(`${configurations}/net`), { recursive: true });
  });

  it('may be alone in a file of its own', async () => {
    for (const ending of ['conf', 'json']) {
      configure(world, `50-single.${ending}`, { cniVersion: '0.2.0', name: ending, type: 'one', bridge: 'x' });
      expect(await callsOf(`add ${ending} blue`)).to.have.nested.property('[0].stdin.bridge', 'x');
      const [del] = await callsOf(`del ${ending} blue`);
      expect(del?.stdin).to.deep.equal({ cniVersion: '0.2.0', name: ending, type: 'one', bridge: 'x' });
    }
  });
});
