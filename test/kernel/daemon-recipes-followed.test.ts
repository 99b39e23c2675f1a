import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { native } from '../../lib/kernel/native';
import { lockAttachment } from '../../lib/plugin/locks';
import { type Daemon, startDaemon } from '../support/daemon';
import { expectUnchanged } from '../support/expect-unchanged';
import { startHeldDaemon } from '../support/held-daemon';
import { brief } from '../support/kill-rounds';
import { sharedObjects } from '../support/leftovers';
import { contents, masqueraded, nft, table } from '../support/masquerading';
import { bridgeNetwork, ipsOf, refusal, succeed } from '../support/network';
import type { CniCall } from '../support/plugins';
import { addressed, podCall, recipeFor, untilFollowed } from '../support/recipes';
import { until } from '../support/running';
import { createWorld, type World } from '../support/world';

/** A daemon that has learned from an ADD how those that are alike go. */
describe('By a recipe a daemon', function () {
  this.timeout(60_000);

  const config = masqueraded();
  const args = 'IgnoreUnknown=1;K8S_POD_NAME=a;K8S_POD_UID=1';

  let world: World;
  let daemon: Daemon;
  let stays: CniCall;
  let call: CniCall;

  beforeEach(async () => {
    world = await createWorld();
    daemon = await startDaemon(world.keeper, world.plugins);
    // With a pod that stays the bridge's state is one and the same.
    stays = await podCall(world, 'stays', bridgeNetwork({ name: 'other', ipam: {}, isDefaultGateway: false }));
    await succeed(world, 'bridge', stays);
    await addressed(world);
    call = await podCall(world, 'pod', config, { args });
    await untilFollowed(world, daemon, call);
  });

  afterEach(async () => {
    const ended = await daemon.end();
    await world.close();
    expect(ended).to.deep.equal({ code: 0, signal: null, stderr: '' });
  });

  const del = (call: CniCall) => succeed(world, 'bridge', { ...call, command: 'DEL' });

  /** The ADD is right whoever does it, and its DEL leaves nothing. */
  async function expectRight(what: CniCall, wanted: string | undefined): Promise<void> {
    const before = await world.snapshot();
    const result = await succeed(world, 'bridge', what);
    expect(await recipeFor(daemon, what)).to.equal(wanted);
    for (const ip of ipsOf(result))
      expect(await world.ping(what.netns as never, ip.includes(':') ? 'fd00:1:2::1' : '10.1.2.1')).to.equal(true);
    await succeed(world, 'bridge', { ...what, command: 'CHECK', config: { ...config, prevResult: result } });
    await del(what);
    expectUnchanged(before, await world.snapshot(), { allow: [...sharedObjects('br0'), /foreign eth0/] });
  }

  it('does an ADD for another container, interface and pod', async () => {
    const others = 'IgnoreUnknown=1;K8S_POD_NAME=other;K8S_POD_UID=2';
    await expectRight(await podCall(world, 'another', config, { ifname: 'net1', args: others }), 'followed');
  });

  it('does one for whose arguments it was not made without', async () => {
    for (const others of [
      'IgnoreUnknown=1;K8S_POD_NAME=a',
      'IgnoreUnknown=true;K8S_POD_NAME=a;K8S_POD_UID=1',
      'IgnoreUnknown=1;K8S_POD_NAME=a;MAC=02:00:00:00:00:01',
    ]) {
      await expectRight({ ...call, args: others }, undefined);
    }
    await expectRight({ ...call, env: { CNI_NETNS_OVERRIDE: '0' } }, undefined);
    await expectRight({ ...call, config: { ...config, more: 1 } }, undefined);
    const refused = await refusal(world, 'bridge', { ...call, args: 'IgnoreUnknown=0;K8S_POD_NAME=a;K8S_POD_UID=1' });
    expect(refused).to.include({ code: 4 });
  });

  it('refuses what cannot be, as ever', async () => {
    await succeed(world, 'bridge', call);
    expect(await refusal(world, 'bridge', call)).to.include({ code: 100 });
    await world.ip('link add eth7 type bridge', { path: '/run/netns/pod' });
    const taken = await refusal(world, 'bridge', { ...call, ifname: 'eth7' });
    expect(taken.msg).to.equal('container veth name provided (eth7) already exists');
    await del(call);
    const none = await refusal(world, 'bridge', { ...call, netns: '/run/netns/none' });
    expect(none.code).to.equal(3);
  });

  it("gives up where the namespace is the host's own", async () => {
    await world.run('sh', ['-c', 'touch /run/netns/own && mount --bind /proc/self/ns/net /run/netns/own']);
    const own = { ...call, netns: '/run/netns/own' };
    const { msg } = await refusal(world, 'bridge', own);
    expect(msg).to.equal("plugin's netns and netns from CNI_NETNS should not be the same");
    expect(await recipeFor(daemon, own)).to.equal('given up: namespace');
    await world.run('umount', ['/run/netns/own']);
  });

  it('gives up, and waits, where somebody else has the lock of the attachment', async () => {
    const platform = { kernel: native(), stateDir: world.path('/run/trestle') };
    const key = { network: 'net', containerId: 'pod', ifname: 'eth0' };
    const unlock = await lockAttachment(platform, key, 'bridge');
    const { claimed } = await daemon.report();
    const adding = succeed(world, 'bridge', call);
    // A call is counted when JavaScript has it.
    while ((await daemon.report()).claimed === claimed) await sleep(2);
    expect(await world.ip('link show', { path: '/run/netns/pod' })).to.have.length(1);
    unlock();
    await adding;
    expect(await recipeFor(daemon, call)).to.equal('given up: lock');
    await del(call);
  });

  it('adds one attachment once, however many want to at once', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => world.cni('bridge', call)));
    const codes = answers.map(({ code, json }) => (code === 0 ? 0 : json.code));
    expect(codes.sort()).to.deep.equal([0, ...Array(9).fill(100)]);
    await del(call);
  });

  it('gives up where the node is not as it was', async () => {
    await world.run('ip', ['link', 'set', 'br0', 'down']);
    await expectRight(call, 'given up: facts');
    await world.run('ip', ['link', 'del', 'br0']);
    await expectRight(call, 'given up: facts');
    expect((await world.run('sysctl', ['-w', 'net.ipv4.ip_forward=0'])).code).to.equal(0);
    await expectRight(call, 'given up: facts');
    expect((await world.run('sysctl', ['-n', 'net.ipv4.ip_forward'])).stdout).to.equal('1\n');
  });

  it('gives up where somebody else has changed the leases', async () => {
    const folder = world.path('/var/lib/cni/networks/net');
    writeFileSync(`${folder}/10.1.2.77`, 'foreign\r\neth0');
    await expectRight(call, 'given up: lease');
    await expectRight(call, 'followed');
    expect(readFileSync(`${folder}/10.1.2.77`, 'utf8')).to.equal('foreign\r\neth0');
  });

  it('gives up where an earlier ADD has left a record', async () => {
    const folder = world.path('/run/trestle/attachments');
    const others = readdirSync(folder);
    await succeed(world, 'bridge', call);
    const name = readdirSync(folder).find((file) => !others.includes(file));
    const [begun = ''] = readFileSync(`${folder}/${name}`, 'utf8').split('\n');
    await del(call);
    writeFileSync(`${folder}/${name}`, `${begun}\n`);
    const result = await succeed(world, 'bridge', call);
    expect(await recipeFor(daemon, call)).to.equal('given up: record');
    expect(result.ips).to.have.length(2);
    await del(call);
    expect(readdirSync(folder)).to.deep.equal(others);
  });

  it('puts back what others had in a table that is lost', async () => {
    const [one, two] = [await podCall(world, 'one', config), await podCall(world, 'two', config)];
    for (const each of [one, two]) await succeed(world, 'bridge', each);
    const whole = (await contents(world)).elements;
    expect(whole).to.have.length(4);
    // Nobody but the ADD is to restore it: the daemon's own look after its tables finds no records.
    await daemon.end();
    daemon = await startDaemon(world.keeper, world.plugins, { args: ['--log-level', 'debug'] });
    await untilFollowed(world, daemon, call);
    const looks = () => daemon.log.filter(({ msg }) => msg === 'tables are kept').length;
    const before = looks();
    const [records, aside] = [world.path('/run/trestle/attachments'), world.path('/run/aside')];
    renameSync(records, aside);
    await nft(world, `delete table ${table}`);
    await until('the daemon has looked', () => looks() > before);
    renameSync(aside, records);
    expect((await contents(world)).elements).to.deep.equal([]);
    await succeed(world, 'bridge', call);
    expect(await recipeFor(daemon, call)).to.equal('given up: table');
    expect((await contents(world)).elements).to.include.members(whole);
    for (const each of [one, two, call, stays]) await del(each);
    expect((await contents(world)).elements).to.deep.equal([]);
  });

  it('gives up where a step fails, and what fails still is told in the words of ever', async () => {
    const listed = (await world.run('nft', ['-j', 'list', 'table', ...table.split(' ')])).stdout;
    // biome-ignore lint/suspicious/noExplicitAny: nft's own shape
    const { set } = JSON.parse(listed).nftables.find((it: any) => it.set?.type === 'ipv4_addr');
    await nft(world, `delete table ${table}`);
    const before = await world.snapshot();
    await nft(world, `table ${table} { set ${set.name} { type ether_addr; }; }`);
    const { msg } = await refusal(world, 'bridge', call);
    expect(await recipeFor(daemon, call)).to.equal('given up: steps');
    expect(msg).to.include(set.name);
    await nft(world, `delete table ${table}`);
    expectUnchanged(before, await world.snapshot(), { allow: sharedObjects('br0') });
    await expectRight(call, 'given up: table');
  });

  it('leases each address but once to forty at once, and leaves nothing of them', async () => {
    const before = await world.snapshot();
    const calls: CniCall[] = [];
    for (let index = 0; index < 40; index++) calls.push(await podCall(world, `c${index}`, config, { args }));
    const results = await Promise.all(calls.map((each) => succeed(world, 'bridge', each)));
    expect(new Set(results.flatMap(ipsOf)).size).to.equal(80);
    const followed = await Promise.all(calls.map((each) => recipeFor(daemon, each)));
    expect([...new Set(followed)]).to.deep.equal(['followed']);
    await Promise.all(calls.map(del));
    for (const { containerId = '' } of calls) await world.removePod({ name: containerId, path: '' });
    expectUnchanged(before, await world.snapshot(), { allow: [...sharedObjects('br0'), /foreign eth0/] });
  });

  it('is counted, and told by status', async () => {
    const { replayed } = await daemon.report();
    await succeed(world, 'bridge', call);
    expect(await daemon.report()).to.include({ replayed: replayed + 1, running: 0, waiting: 0 });
    await del(call);
  });

  it('finishes those that it is at when it is told to end', async () => {
    const calls: CniCall[] = [];
    for (let index = 0; index < 20; index++) calls.push(await podCall(world, `d${index}`, config, { args }));
    const all = Promise.all(calls.map((each) => succeed(world, 'bridge', each)));
    await until(
      'one is attached',
      () =>
        existsSync(world.path('/run/trestle/attachments')) &&
        readdirSync(world.path('/run/trestle/attachments')).length > 1,
    );
    const ended = daemon.end();
    expect(new Set((await all).flatMap(ipsOf)).size).to.equal(40);
    expect(await ended).to.deep.equal({ code: 0, signal: null, stderr: '' });
    daemon = await startDaemon(world.keeper, world.plugins);
    for (const each of [...calls, stays]) await del(each);
    expect(readdirSync(world.path('/run/trestle/attachments'))).to.deep.equal([]);
  });

  it('finishes what a recipe gives up when it was told to end meanwhile', async () => {
    await daemon.end();
    // Before the lock is taken, and anything is asked.
    const held = await startHeldDaemon(world, 2);
    await untilFollowed(world, held, call);
    const { calling, at } = await held.hold('bridge', call);
    expect(at && brief(at)).to.equal('openat /run/trestle/lock');
    await world.ip('link set br0 down');
    process.kill(held.self, 'SIGTERM');
    held.resume();
    expect(await calling.ended).to.include({ code: 0, stderr: '' });
    expect(await held.ended).to.deep.equal({ code: 0, signal: null, stderr: '' });
    expect(held.log.findLast(({ msg }) => msg === 'request')).to.include({
      recipe: 'given up: facts',
      outcome: 'done',
    });
    daemon = await startDaemon(world.keeper, world.plugins);
    await del(call);
  });
});
