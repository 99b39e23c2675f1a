import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { type Daemon, startDaemon } from '../support/daemon';
import { expectUnchanged } from '../support/expect-unchanged';
import { narrowNetwork } from '../support/kill-rounds';
import { bookkeeping } from '../support/leftovers';
import { bridgeNetwork, type Config, hostLocal, refusal, succeed } from '../support/network';
import type { CniCall } from '../support/plugins';
import { addByRecipe, podCall, recipeFor, untilFollowed } from '../support/recipes';
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
      const call = await podCall(world, 'pod', config);
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

  it('whose pool is exhausted says so in the words of ever', async () => {
    const call = await podCall(world, 'pod', narrowNetwork);
    await untilFollowed(world, daemon, call);
    await succeed(world, 'bridge', call);
    await succeed(world, 'bridge', await podCall(world, 'two', narrowNetwork));
    const before = await world.snapshot();
    const three = await podCall(world, 'three', narrowNetwork);
    const { code, msg } = await refusal(world, 'bridge', three);
    expect({ code, msg }).to.deep.equal({
      code: 999,
      msg: 'failed to allocate for range 0: no IP addresses available in range set: 10.1.2.2-10.1.2.3',
    });
    expect(await recipeFor(daemon, three)).to.match(/^given up: (lease|facts)$/);
    await world.removePod({ name: 'three', path: '' });
    expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
  });
});
