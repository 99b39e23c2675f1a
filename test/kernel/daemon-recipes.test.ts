import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { type Daemon, startDaemon } from '../support/daemon';
import { expectUnchanged } from '../support/expect-unchanged';
import { narrowNetwork } from '../support/kill-rounds';
import { bookkeeping, sharedObjects } from '../support/leftovers';
import { contents, masqueraded, nft, table } from '../support/masquerading';
import { bridgeNetwork, type Config, hostLocal, ipsOf, refusal, succeed } from '../support/network';
import type { CniCall } from '../support/plugins';
import { addByRecipe, addressed, logOf, untilFollowed } from '../support/recipes';
import { until } from '../support/running';
import { createWorld, type World } from '../support/world';

describe('A daemon that has done an ADD', function () {
  this.timeout(60_000);

  let world: World;
  let daemon: Daemon;

  beforeEach(async () => {
    world = await createWorld();
    daemon = await startDaemon(world.keeper, world.plugins);
  });

  afterEach(async () => {
    const ended = await daemon.end();
    await world.close();
    expect(ended).to.deep.equal({ code: 0, signal: null, stderr: '' });
  });

  const podCall = async (containerId: string, config: Config, more: Partial<CniCall> = {}): Promise<CniCall> => ({
    containerId,
    netns: await world.addPod(containerId),
    config,
    ...more,
  });
  /** What a recipe's becoming was, as the log tells it of the ADD: "followed", over what it was given up, or none. */
  const recipe = async (call: CniCall) => (await logOf(daemon, call)).recipe;
  const del = (call: CniCall) => succeed(world, 'bridge', { ...call, command: 'DEL' });

  /** The attachment's record, but for what no two have in common. */
  function record(): object {
    const folder = world.path('/run/trestle/attachments');
    const [name = '', ...more] = readdirSync(folder).filter((file) => !file.includes('other'));
    expect(more).to.deep.equal([]);
    const lines = readFileSync(`${folder}/${name}`, 'utf8').split('\n').filter(Boolean);
    return [name, ...lines.map((line) => ({ ...JSON.parse(line), noted: 0, token: '' }))];
  }

  const narrow = (...subnets: string[]) =>
    hostLocal(
      ...subnets.map((start) => [
        { subnet: `${start}0/${start.includes(':') ? 64 : 24}`, rangeStart: `${start}2`, rangeEnd: `${start}3` },
      ]),
    );

  for (const [what, changes] of Object.entries<Config>({
    'the default gateway': {},
    'ipMasq, two families': { ipMasq: true, ipam: narrow('10.1.2.', 'fd00:1:2::') },
    'cniVersion 1.1.0': { cniVersion: '1.1.0' },
    'cniVersion 0.2.0': { cniVersion: '0.2.0' },
    'routes and DNS': {
      isDefaultGateway: false,
      isGateway: true,
      dns: { nameservers: ['10.1.2.1'] },
      ipam: {
        ...narrow('10.1.2.'),
        routes: [{ dst: '10.9.0.0/16' }, { dst: '10.8.0.0/16', gw: '10.1.2.3', mtu: 1400 }],
      },
    },
    'macspoofchk, hairpinMode, portIsolation, mtu': {
      macspoofchk: true,
      hairpinMode: true,
      portIsolation: true,
      mtu: 1400,
    },
    'promiscMode, enabledad': { promiscMode: true, enabledad: true },
    'no IPAM': { ipam: {}, isDefaultGateway: false },
    'an address of its own': { ipam: {}, ip: '10.1.2.9/24' },
  })) {
    it(`does the next by a recipe, and comes to the very same: ${what}`, async () => {
      const config = bridgeNetwork({ ipam: narrow('10.1.2.'), ...changes });
      const call = await podCall('pod', config);
      const first = await world.cni('bridge', call);
      expect(first.code, first.stdout).to.equal(0);
      const attached = await world.snapshot();
      const noted = record();
      await del(call);
      const detached = await world.snapshot();

      const next = await addByRecipe(world, daemon, call);
      // The two addresses of the range have been given in turn.
      const inTurn = (text: string) => text.replaceAll(/(10\.1\.2\.|fd00:1:2::)[23](?![\da-f.:])/g, '$1N');
      expect(inTurn(next.stdout)).to.equal(inTurn(first.stdout));
      expect({ code: next.code, stderr: next.stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(inTurn(JSON.stringify(record()))).to.equal(inTurn(JSON.stringify(noted)));
      const again = JSON.parse(inTurn(JSON.stringify(await world.snapshot())));
      expectUnchanged(JSON.parse(inTurn(JSON.stringify(attached))), again, { allow: bookkeeping });
      await succeed(world, 'bridge', {
        ...call,
        command: 'CHECK',
        config: { ...config, prevResult: next.json },
        ...(config.cniVersion === '0.2.0' && { command: 'DEL' }),
      });
      await del(call);
      expectUnchanged(detached, await world.snapshot(), { allow: bookkeeping });
    });
  }

  describe('by a recipe', () => {
    const config = masqueraded();
    const args = 'IgnoreUnknown=1;K8S_POD_NAME=a;K8S_POD_UID=1';
    let stays: CniCall;
    let call: CniCall;

    beforeEach(async () => {
      // With a pod that stays the bridge's state is one and the same.
      stays = await podCall('stays', bridgeNetwork({ name: 'other', ipam: {}, isDefaultGateway: false }));
      await succeed(world, 'bridge', stays);
      await addressed(world);
      call = await podCall('pod', config, { args });
      await untilFollowed(world, daemon, call);
    });

    /** The ADD is right whoever does it, and its DEL leaves nothing. */
    async function expectRight(what: CniCall, wanted: string | undefined): Promise<void> {
      const before = await world.snapshot();
      const result = await succeed(world, 'bridge', what);
      expect(await recipe(what)).to.equal(wanted);
      for (const ip of ipsOf(result))
        expect(await world.ping(what.netns as never, ip.includes(':') ? 'fd00:1:2::1' : '10.1.2.1')).to.equal(true);
      await succeed(world, 'bridge', { ...what, command: 'CHECK', config: { ...config, prevResult: result } });
      await del(what);
      expectUnchanged(before, await world.snapshot(), { allow: [...sharedObjects('br0'), /foreign eth0/] });
    }

    it('does an ADD for another container, interface and pod', async () => {
      const others = 'IgnoreUnknown=1;K8S_POD_NAME=other;K8S_POD_UID=2';
      await expectRight(await podCall('another', config, { ifname: 'net1', args: others }), 'followed');
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
      expect(await recipe(call)).to.equal('given up: record');
      expect(result.ips).to.have.length(2);
      await del(call);
      expect(readdirSync(folder)).to.deep.equal(others);
    });

    it('puts back what others had in a table that is lost', async () => {
      const [one, two] = [await podCall('one', config), await podCall('two', config)];
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
      expect(await recipe(call)).to.equal('given up: table');
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
      expect(await recipe(call)).to.equal('given up: steps');
      expect(msg).to.include(set.name);
      await nft(world, `delete table ${table}`);
      expectUnchanged(before, await world.snapshot(), { allow: sharedObjects('br0') });
      await expectRight(call, 'given up: table');
    });

    it('leases each address but once to forty at once, and leaves nothing of them', async () => {
      const before = await world.snapshot();
      const calls: CniCall[] = [];
      for (let index = 0; index < 40; index++) calls.push(await podCall(`c${index}`, config, { args }));
      const results = await Promise.all(calls.map((each) => succeed(world, 'bridge', each)));
      expect(new Set(results.flatMap(ipsOf)).size).to.equal(80);
      const followed = await Promise.all(calls.map(recipe));
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
      for (let index = 0; index < 20; index++) calls.push(await podCall(`d${index}`, config, { args }));
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
  });

  it('whose pool is exhausted says so in the words of ever', async () => {
    const call = await podCall('pod', narrowNetwork);
    await untilFollowed(world, daemon, call);
    await succeed(world, 'bridge', call);
    await succeed(world, 'bridge', await podCall('two', narrowNetwork));
    const before = await world.snapshot();
    const three = await podCall('three', narrowNetwork);
    const { code, msg } = await refusal(world, 'bridge', three);
    expect({ code, msg }).to.deep.equal({
      code: 999,
      msg: 'failed to allocate for range 0: no IP addresses available in range set: 10.1.2.2-10.1.2.3',
    });
    expect(await recipe(three)).to.match(/^given up: (lease|facts)$/);
    await world.removePod({ name: 'three', path: '' });
    expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
  });
});
