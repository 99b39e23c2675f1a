import { rmSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { masquerade } from '../../lib/plugins/masquerade';
import { expectUnchanged } from '../support/expect-unchanged';
import { sharedObjects } from '../support/leftovers';
import { checkLost } from '../support/lost';
import { contents, listing, masqueraded, nft, sourceOf, table } from '../support/masquerading';
import { addIpam, ipamCalls, ipamPath, refusal, succeed } from '../support/network';
import { until } from '../support/running';
import { createWorld, type World } from '../support/world';

const addresses = ['10.1.2.2/24', 'fd00:1:2::2/64'];
const [set4 = '', set6 = ''] = masquerade('net', 'c', 'eth0', addresses).ensure?.sets.map(({ name }) => name) ?? [];
const lostRules = [set4, set6].map((set) => `nftables chain ${table} postrouting has no rule "${set}"`);
const lostElements = [
  `nftables set ${table} ${set4} lacks 10.1.2.2`,
  `nftables set ${table} ${set6} lacks fd00:1:2::2`,
];

describe('ipMasq and an administrator who removes with nft', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  const config = masqueraded();
  const newCall = async (containerId: string) => ({ netns: await world.addPod(containerId), containerId, config });

  for (const [what, command, lost] of [
    ['every table', 'flush ruleset', [...lostRules, ...lostElements]],
    ['the table', `delete table ${table}`, [...lostRules, ...lostElements]],
    ['its rules', `flush table ${table}`, lostRules],
    ['its chain', `flush chain ${table} postrouting; delete chain ${table} postrouting`, lostRules],
    ['the elements of a set', `flush set ${table} ${set4}`, lostElements.slice(0, 1)],
  ] as const) {
    it(`${what}: CHECK puts it back or says what is missing, the next ADD makes it again, and DEL succeeds`, async () => {
      const outside = await world.addOutside();
      const peers = await Promise.all(outside.ips.map((ip) => world.echo(outside, ip)));
      const [one, two] = [await newCall('one'), await newCall('two')];
      const before = await world.snapshot();
      const prevResult = await succeed(world, 'bridge', one);
      const check = { ...one, command: 'CHECK', config: { ...config, prevResult } };
      await succeed(world, 'bridge', check);

      await nft(world, command);
      await checkLost(world, command, check, lost);

      await succeed(world, 'bridge', two);
      await succeed(world, 'bridge', { ...one, command: 'DEL' });
      await succeed(world, 'bridge', one);
      for (const { netns } of [one, two])
        for (const [index, peer] of peers.entries())
          expect(await sourceOf(world, netns, peer)).to.equal(outside.hostIps[index]);
      expect(await contents(world)).to.deep.include({ sets: 2, rules: 2 });

      await nft(world, command);
      for (const call of [one, two]) await succeed(world, 'bridge', { ...call, command: 'DEL' });
      expect((await contents(world)).elements).to.deep.equal([]);
      expectUnchanged(before, await world.snapshot(), { allow: sharedObjects('br0') });
    });
  }

  it('every table: what is put back includes the elements of a pod that a CHECK is looking at', async () => {
    // Its CHECK stands still in the IPAM plugin, and so with the pod's lock.
    const ipam = addIpam(
      world,
      'slow',
      `case $CNI_COMMAND in
        ADD) echo '{"cniVersion": "1.0.0", "ips": [{"address": "10.9.0.2/24"}]}';;
        CHECK) while [ -e /run/hold ]; do sleep 0.01; done;;
      esac`,
    );
    const slow = masqueraded({ name: 'slow', bridge: 'br1', ipam });
    const looked = { netns: await world.addPod('looked'), containerId: 'looked', env: ipamPath(world) };
    const prevResult = await succeed(world, 'bridge', { ...looked, config: slow });
    const whole = (await contents(world)).elements;
    writeFileSync(world.path('/run/hold'), '');
    const check = succeed(world, 'bridge', { ...looked, command: 'CHECK', config: { ...slow, prevResult } });
    await until('CHECK asks the IPAM plugin', () => ipamCalls(world).includes('CHECK looked eth0'));
    await nft(world, 'flush ruleset');
    const next = await newCall('next');
    await succeed(world, 'bridge', next);
    expect((await contents(world)).elements).to.include.members(whole);
    rmSync(world.path('/run/hold'));
    await check;
    for (const call of [{ ...looked, config: slow }, next]) await succeed(world, 'bridge', { ...call, command: 'DEL' });
  });
});

describe("ADD with ipMasq where somebody's objects have the names of ours", () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  for (const [what, object, failure] of [
    ['a map', `map ${set4} { type ipv4_addr : ipv4_addr; }`, `add .* ${table} (postrouting|${set4}): .*EINVAL`],
    ['a set of ports', `set ${set4} { type inet_service; }`, `look up 10.1.2.2 in set ${table} ${set4}: .*EINVAL`],
    [
      'a chain that filters',
      'chain postrouting { type filter hook postrouting priority 0; }',
      `add rule "${set4}" to chain ${table} postrouting: .*EOPNOTSUPP`,
    ],
  ] as const) {
    it(`fails on ${what}, names object, operation and errno, and leaves nothing`, async () => {
      await nft(world, `table ${table} { ${object}\n }`);
      const was = await listing(world);
      const netns = await world.addPod();
      const before = await world.snapshot();
      const { code, msg } = await refusal(world, 'bridge', { netns, config: masqueraded() });
      expect(code).to.equal(999);
      expect(msg).to.match(new RegExp(failure));
      expect(await listing(world)).to.equal(was);
      expectUnchanged(before, await world.snapshot(), { allow: sharedObjects('br0') });
    });
  }

  it("uses a table that says it is of another version beside that version's own sets and rules", async () => {
    const other = 'set pods { type ipv4_addr; elements = { 10.9.9.9 }\n }';
    await nft(world, `table ${table} { comment "trestle schema 2"; ${other}\n }`);
    const was = await listing(world);
    const call = { netns: await world.addPod(), config: masqueraded() };
    await succeed(world, 'bridge', call);
    const now = await listing(world);
    for (const line of was.split('\n')) expect(now).to.include(line);
    expect(await contents(world)).to.deep.include({ sets: 3, rules: 2 });
  });
});
