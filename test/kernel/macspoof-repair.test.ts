import { expect } from 'chai';
import { hostEndName } from '../../lib/plugin/identity';
import { expectUnchanged } from '../support/expect-unchanged';
import { type Attached, attach, changeMac, framesFrom, guarded, guards, sendTo, table } from '../support/guarding';
import { bookkeeping, sharedObjects } from '../support/leftovers';
import { checkLost } from '../support/lost';
import { nft } from '../support/masquerading';
import { type Config, hostLocal, linkGone, refusal, succeed } from '../support/network';
import { referencePlugins } from '../support/plugins';
import { createWorld, type World } from '../support/world';

const config = guarded();
const other = guarded({ name: 'net2', bridge: 'br2', ipam: hostLocal([{ subnet: '10.2.0.0/24' }]) });
const rule = 'a pod sends from its own MAC only';
const DEL = (containerId: string, network: Config = config) => ({ command: 'DEL', containerId, config: network });
const GC = (valid: string[], network: Config = config) => ({
  command: 'GC',
  config: { ...network, 'cni.dev/valid-attachments': valid.map((containerID) => ({ containerID, ifname: 'eth0' })) },
});

describe("macspoofchk's elements", () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  const forgetRecords = () => world.run('rm', ['-r', '/run/trestle/attachments']);
  const owned = async () => (await guards(world)).guarded.map((element) => element.split(' ')[1]);

  it('go with DEL, and those of another pod stay', async () => {
    await attach(world, 'stays', config);
    const pod = await world.addPod('one');
    const before = await world.snapshot();
    await succeed(world, 'bridge', { netns: pod, containerId: 'one', config });
    await succeed(world, 'bridge', { ...DEL('one'), netns: pod });
    expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
    await succeed(world, 'bridge', { ...DEL('one'), netns: pod });
    expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
  });

  it('go with the DEL of a pod whose namespace is gone, and are made anew by an ADD instead', async () => {
    for (const containerId of ['deleted', 'again']) {
      const gone = await attach(world, containerId, config);
      await world.removePod(gone.pod);
      await linkGone(world, gone.hostEnd);
    }
    await succeed(world, 'bridge', DEL('deleted'));
    expect(await owned()).to.deep.equal(['again']);
    const mac = 'c2:11:22:33:44:55';
    const { hostEnd } = await attach(world, 'again', { ...config, runtimeConfig: { mac } });
    expect((await guards(world)).allowed).to.deep.equal([`${hostEnd} . ${mac} again eth0`]);
  });

  for (const [what, runtimeConfig, told] of [
    ['asked for', { mac: 'c2:11:22:33:44:55' }, false],
    ['told by prevResult', { mac: 'c2:11:22:33:44:55' }, true],
    ['our own choice', {}, false],
  ] as const)
    it(`go with a DEL without a record, whose MAC was ${what}`, async () => {
      const { pod, result } = await attach(world, 'one', { ...config, runtimeConfig });
      await forgetRecords();
      await world.removePod(pod);
      await succeed(world, 'bridge', DEL('one', { ...config, ...(told ? { prevResult: result } : { runtimeConfig }) }));
      expect(await guards(world)).to.deep.equal({ rules: 1, guarded: [], allowed: [] });
    });

  it('of two networks are told apart by DEL and by GC, even for one container', async () => {
    const [pod, pod2] = [await world.addPod(), await world.addPod()];
    const add = (network: Config, netns = pod) =>
      succeed(world, 'bridge', { netns, containerId: 'same', config: network });
    const names = [config, other].map(({ name }) =>
      hostEndName({ network: name as string, containerId: 'same', ifname: 'eth0' }),
    );
    const left = async () => (await guards(world)).allowed.map((element) => element.split(' ')[0]);
    await add(config);
    await add(other, pod2);
    expect(await left()).to.have.members(names);
    await succeed(world, 'bridge', { ...DEL('same'), netns: pod });
    expect(await left()).to.deep.equal([names[1]]);
    await add(config);
    for (const forget of [async () => {}, forgetRecords]) {
      await forget();
      await succeed(world, 'bridge', GC(['same']));
      expect(await left()).to.have.members(names);
    }
    await succeed(world, 'bridge', GC([]));
    expect(await left()).to.deep.equal([names[1]]);
  });

  it('go with GC, with a record and without, and nothing else does', async () => {
    await attach(world, 'valid', config);
    await nft(world, `add element ${table} guarded { "admins" comment "gone eth0", "eno1" }`);
    const before = await world.snapshot();
    for (const forget of [async () => {}, forgetRecords]) {
      const { pod } = await attach(world, 'gone', config);
      await forget();
      await succeed(world, 'bridge', GC(['valid']));
      await world.removePod(pod);
      const allow = [...bookkeeping, /^files .*: removed .*"containerId":"valid"/];
      expectUnchanged(before, await world.snapshot(), { allow });
    }
  });

  it('go with an ADD that fails, which says why', async () => {
    const pod = await world.addPod();
    const before = await world.snapshot();
    const ipam = { ...hostLocal(), routes: [{ dst: '10.9.0.0/16', gw: '192.0.2.1' }] };
    const { msg } = await refusal(world, 'bridge', { netns: pod, config: { ...config, ipam } });
    expect(msg).to.match(/^add route 10\.9\.0\.0\/16 .*ENETUNREACH/);
    expectUnchanged(before, await world.snapshot(), { allow: sharedObjects('br0') });
  });

  for (const [what, object, failure] of [
    ['set', 'set allowed { type ipv4_addr; }', `look up veth\\w+ . .* in set ${table} allowed: .*EINVAL`],
    ['chain', 'chain prerouting { }; map guarded { type ifname : verdict; }', `.* ${table} .*: E[A-Z]+`],
  ] as const)
    it(`cannot be where somebody's ${what} has the name of ours, which is said and left as it is`, async () => {
      await nft(world, `table ${table} { ${object}; }`);
      const pod = await world.addPod();
      const before = await world.snapshot();
      const { code, msg } = await refusal(world, 'bridge', { netns: pod, config });
      expect(code).to.equal(999);
      expect(msg).to.match(new RegExp(failure));
      expectUnchanged(before, await world.snapshot(), { allow: sharedObjects('br0') });
    });

  describe('and an administrator who removes with nft', () => {
    const losses = ({ hostEnd, mac }: Attached) => ({
      rule: `nftables chain ${table} prerouting has no rule "${rule}"`,
      guarded: `nftables set ${table} guarded lacks ${hostEnd}`,
      allowed: `nftables set ${table} allowed lacks ${hostEnd} . ${mac}`,
    });

    for (const [what, command, lost] of [
      ['every table', 'flush ruleset', ['rule', 'guarded', 'allowed']],
      ['the table', `delete table ${table}`, ['rule', 'guarded', 'allowed']],
      ['the rule', `flush chain ${table} prerouting`, ['rule']],
      ['who is guarded', `flush set ${table} guarded`, ['guarded']],
      ['what is allowed', `flush set ${table} allowed`, ['allowed']],
    ] as const)
      it(`${what}: CHECK puts it back or says what is missing, the next ADD makes it again, and DEL succeeds`, async () => {
        const one = await attach(world, 'one', config);
        const check = { ...DEL('one', { ...config, prevResult: one.result }), command: 'CHECK', netns: one.pod };
        await succeed(world, 'bridge', check);
        await nft(world, command);
        await checkLost(
          world,
          command,
          check,
          lost.map((name) => losses(one)[name]),
        );
        const two = await attach(world, 'two', config);
        await changeMac(world, two, one.mac);
        const frames = await framesFrom(world, two, () => sendTo(world, two, [one]));
        expect(frames.any).to.equal(0);
        await nft(world, command);
        for (const { pod } of [one, two]) await succeed(world, 'bridge', { ...DEL(pod.name), netns: pod });
        expect(await guards(world)).to.deep.include({ guarded: [], allowed: [] });
      });
  });

  it('are worth something on a bridge of somebody else, and CHECK says when they no longer are', async () => {
    await world.ip('link add br0 type bridge');
    const learns = async () => {
      const { stdout } = await world.run('ip', ['-json', '-details', 'link', 'show', 'br0']);
      return JSON.parse(stdout)[0].linkinfo.info_data.no_linklocal_learn === 0;
    };
    await attach(world, 'free', guarded({ macspoofchk: false }));
    expect(await learns()).to.equal(true);
    const { pod, result } = await attach(world, 'one', config);
    expect(await learns()).to.equal(false);
    await world.ip('link set br0 type bridge no_linklocal_learn 0');
    const check = { ...DEL('one', { ...config, prevResult: result }), command: 'CHECK', netns: pod };
    const { code, msg } = await refusal(world, 'bridge', check);
    expect({ code, msg }).to.deep.equal({
      code: 101,
      msg: 'br0 on the host has noLinkLocalLearn false, expected true',
    });
    await attach(world, 'two', config);
    await succeed(world, 'bridge', check);
  });

  it("are none of a pod of the reference, whose DEL leaves the reference's rules alone, for now", async () => {
    const netns = await world.addPod('one');
    const old = { ...config, cniVersion: '1.0.0' };
    const call = { netns, containerId: 'one' };
    const prevResult = await succeed(world, 'bridge', { ...call, config: old, plugins: referencePlugins });
    const before = await nft(world, 'list ruleset');
    expect(before).to.include('comment "macspoofchk-');
    await succeed(world, 'bridge', { ...call, command: 'DEL', config: { ...old, prevResult } });
    expect(await nft(world, 'list ruleset')).to.equal(before);
    expect(await world.ip('link show type veth')).to.deep.equal([]);
  });

  it('are not asked for by CHECK where the configuration does not', async () => {
    const { pod, result } = await attach(world, 'one', guarded({ macspoofchk: false }));
    const call = { netns: pod, containerId: 'one', command: 'CHECK' };
    await succeed(world, 'bridge', { ...call, config: guarded({ macspoofchk: false, prevResult: result }) });
    const { code, msg } = await refusal(world, 'bridge', { ...call, config: guarded({ prevResult: result }) });
    expect(code).to.equal(101);
    expect(msg).to.include(`nftables set ${table} guarded lacks`);
  });
});
