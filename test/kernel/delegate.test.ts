import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { addIpam, addScript, bridgeNetwork, ipamCalls, ipamPath, refusal, succeed } from '../support/network';
import type { Pod } from '../support/peers';
import { PATH } from '../support/run';
import { createWorld, type World } from '../support/world';

/** Keeps what it was given, command by command, and hands out one address. */
const recorder = `cat >/run/stdin.$CNI_COMMAND
tr '\\0' '\\n' </proc/$$/environ | sort >/run/environ.$CNI_COMMAND
echo "$CNI_COMMAND says hello" >&2
[ "$CNI_COMMAND" != ADD ] ||
  echo '{"cniVersion":"1.1.0","ips":[{"address":"10.1.2.9/24","gateway":"10.1.2.1"}],"dns":{"domain":"d.example"}}'`;

describe("an IPAM plugin of somebody else's", () => {
  let world: World;
  let pod: Pod;

  beforeEach(async () => {
    world = await createWorld();
    pod = await world.addPod();
  });

  afterEach(() => world.close());

  const read = (path: string) => readFileSync(world.path(path), 'utf8');

  const callOf = (ipam: object) => ({
    netns: pod,
    containerId: 'one',
    config: bridgeNetwork({ cniVersion: '1.1.0', ipam }),
    env: ipamPath(world),
  });

  it('gives the pod its address and names', async () => {
    const ipam = addIpam(world, 'foreign', recorder);
    const result = await succeed(world, 'bridge', callOf(ipam));
    expect(result.ips).to.deep.equal([{ address: '10.1.2.9/24', gateway: '10.1.2.1', interface: 2 }]);
    expect(result.dns).to.deep.equal({ domain: 'd.example' });
    expect(await world.ping(pod, '10.1.2.1')).to.equal(true);
  });

  it('gets the whole environment of the caller, what would harm our own runtime included', async () => {
    const ipam = addIpam(world, 'foreign', recorder);
    const env = {
      ...ipamPath(world),
      LD_LIBRARY_PATH: '/nowhere:',
      NODE_OPTIONS: '--no-such-option',
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      EMPTY: '',
      EQUALS: 'a=b=c',
    };
    await succeed(world, 'bridge', { ...callOf(ipam), args: 'K8S_POD_NAME=p;IgnoreUnknown=1', env });
    const seen = Object.fromEntries(
      read('/run/environ.ADD')
        .trim()
        .split('\n')
        .map((line) => line.split(/=(.*)/s, 2)),
    );
    delete seen.PWD;
    expect(seen).to.deep.equal({
      PATH,
      CNI_COMMAND: 'ADD',
      CNI_CONTAINERID: 'one',
      CNI_NETNS: pod.path,
      CNI_IFNAME: 'eth0',
      CNI_ARGS: 'K8S_POD_NAME=p;IgnoreUnknown=1',
      ...env,
    });
  });

  it("gets standard input to the byte, and its stderr becomes the plugin's", async () => {
    const ipam = addIpam(world, 'foreign', recorder);
    const text = ` ${JSON.stringify({ ...bridgeNetwork({ ipam }), Other: 'é', other: [1e3, 1.0] }, null, 3)}\n\n`;
    const { code, stderr } = await world.cni('bridge', { ...callOf(ipam), config: text });
    expect(code).to.equal(0);
    expect(read('/run/stdin.ADD')).to.equal(text);
    expect(stderr).to.equal('ADD says hello\n');
  });

  it('gets CHECK, DEL, GC and STATUS as well, each with its own input', async () => {
    const ipam = addIpam(world, 'foreign', recorder);
    const call = callOf(ipam);
    const prevResult = await succeed(world, 'bridge', call);
    const checked = { ...call.config, prevResult };
    const collected = { ...call.config, 'cni.dev/valid-attachments': [{ containerID: 'one', ifname: 'eth0' }] };
    await succeed(world, 'bridge', { ...call, command: 'CHECK', config: checked });
    await succeed(world, 'bridge', { ...call, command: 'GC', config: collected });
    await succeed(world, 'bridge', { ...call, command: 'STATUS' });
    await succeed(world, 'bridge', { ...call, command: 'DEL', config: checked });
    expect(ipamCalls(world).map((line) => line.split(' ')[0])).to.deep.equal(['ADD', 'CHECK', 'GC', 'STATUS', 'DEL']);
    expect(JSON.parse(read('/run/stdin.CHECK'))).to.deep.equal(checked);
    expect(JSON.parse(read('/run/stdin.GC'))).to.deep.equal(collected);
    expect(JSON.parse(read('/run/stdin.STATUS'))).to.deep.equal(call.config);
    expect(JSON.parse(read('/run/stdin.DEL'))).to.deep.equal(checked);
  });

  it('that fails to CHECK, GC or give its STATUS: its own error comes through', async () => {
    const ipam = addIpam(
      world,
      'foreign',
      `${recorder}\ncase $CNI_COMMAND in CHECK | GC | STATUS) echo '{"code":150,"msg":"no '$CNI_COMMAND'"}'; exit 1 ;; esac`,
    );
    const call = callOf(ipam);
    const prevResult = await succeed(world, 'bridge', call);
    const config = { ...call.config, prevResult, 'cni.dev/valid-attachments': [] };
    const errors = [];
    for (const command of ['CHECK', 'STATUS', 'GC']) {
      errors.push((await refusal(world, 'bridge', { ...call, command, config })).msg);
    }
    expect(errors).to.deep.equal(['no CHECK', 'no STATUS', 'no GC']);
  });

  it('that fails to DEL fails the DEL, whose repetition succeeds and finds the link gone already', async () => {
    const ipam = addIpam(world, 'foreign', `${recorder}\n[ "$CNI_COMMAND" != DEL ] || [ -e /run/well ] || exit 9`);
    const call = callOf(ipam);
    await succeed(world, 'bridge', call);
    const { msg } = await refusal(world, 'bridge', { ...call, command: 'DEL' });
    expect(msg).to.equal('netplugin failed with no error message: exit status 9');
    expect(await world.ip('link show master br0')).to.deep.equal([]);
    await world.run('touch', ['/run/well']);
    await succeed(world, 'bridge', { ...call, command: 'DEL' });
    expect(ipamCalls(world)).to.deep.equal(['ADD one eth0', 'DEL one eth0', 'DEL one eth0']);
  });

  it('is the first file of its name along CNI_PATH', async () => {
    addScript(world, '/run/first/foreign', 'echo first >/run/which; exit 1');
    addScript(world, '/run/second/foreign', 'echo second >/run/which; exit 1');
    await world.run('mkdir', ['-p', '/run/zeroth/foreign']);
    const folders = ['/run/none', '', '/run/zeroth', '/run/first', '/run/second'];
    const call = { ...callOf({ type: 'foreign' }), env: { CNI_PATH: folders.join(':') } };
    await refusal(world, 'bridge', call);
    expect(read('/run/which')).to.equal('first\n');
    await refusal(world, 'bridge', { ...call, env: { CNI_PATH: folders.reverse().join(':') } });
    expect(read('/run/which')).to.equal('second\n');
  });

  it('that is nowhere along CNI_PATH is named, with the path', async () => {
    const { code, msg } = await refusal(world, 'bridge', { ...callOf({ type: 'nosuch' }), env: { CNI_PATH: '/a:/b' } });
    expect({ code, msg }).to.deep.equal({ code: 999, msg: 'failed to find plugin "nosuch" in path [/a /b]' });
    expect((await world.run('ls', ['/run/trestle/attachments'])).stdout).to.equal('');
  });

  it('cannot be a path out of CNI_PATH, nor one of our own that is no IPAM plugin', async () => {
    for (const type of ['../ipam/foreign', '..', 'bridge']) {
      expect((await refusal(world, 'bridge', callOf({ type }))).code, type).to.equal(7);
    }
  });

  it("may be Debian's host-local, which keeps its leases where ours does", async () => {
    const plugins = '/usr/lib/cni';
    const env = { CNI_PATH: plugins };
    // Under another name, so that it is not the one in our own process.
    await world.run('mkdir', ['/run/renamed']);
    await world.run('cp', [`${plugins}/host-local`, '/run/renamed/reference-local']);
    const ipam = { type: 'reference-local', ranges: [[{ subnet: '10.1.2.0/24' }]] };
    const call = { ...callOf(ipam), config: bridgeNetwork({ ipam }), env: { ...env, CNI_PATH: '/run/renamed' } };
    const result = await succeed(world, 'bridge', call);
    expect(result.ips[0].address).to.equal('10.1.2.2/24');
    await succeed(world, 'bridge', { ...call, command: 'DEL' });
    expect((await world.run('ls', ['/var/lib/cni/networks/net'])).stdout).to.equal('last_reserved_ip.0\nlock\n');
  });
});
