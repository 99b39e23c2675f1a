import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping, sharedObjects } from '../support/leftovers';
import { bridgeNetwork, type Config, hostLocal, ranges, refusal, succeed } from '../support/network';
import { referencePlugins } from '../support/plugins';
import type { Snapshot } from '../support/snapshot';
import { createWorld, type World } from '../support/world';

const versions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];
const knownToReference = versions.slice(0, -1);

/** What another plugin of the chain printed, in each shape. */
const shapes: Record<string, object> = {
  '0.1.0': {
    ip4: {
      ip: '10.1.2.3/24',
      gateway: '10.1.2.1',
      routes: [{ dst: '0.0.0.0/0' }, { dst: '10.7.0.0/16', gw: '10.1.2.9' }],
    },
    ip6: { ip: 'fd00::3/64' },
    dns: { nameservers: ['10.1.2.53'], search: ['a'] },
  },
  '0.3.0': {
    interfaces: [{ name: 'br0' }, { name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/run/netns/a' }],
    ips: [
      { version: '4', interface: 1, address: '10.1.2.3/24', gateway: '10.1.2.1' },
      { version: '6', address: 'fd00::3/64' },
    ],
    routes: [{ dst: '0.0.0.0/0' }, { dst: '10.7.0.0/16', gw: '10.1.2.9' }],
    dns: {},
  },
  '1.0.0': {
    interfaces: [{ name: 'br0' }, { name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/run/netns/a' }],
    ips: [{ interface: 1, address: '10.1.2.3/24', gateway: '10.1.2.1' }, { address: 'fd00::3/64' }],
    routes: [{ dst: '0.0.0.0/0' }, { dst: '10.7.0.0/16', gw: '10.1.2.9' }],
    dns: { nameservers: ['10.1.2.53'], domain: 'd' },
  },
};

/** A prevResult as it stands in a configuration of a version. */
function prevResultOf(cniVersion: string): object {
  const shape = Object.keys(shapes).findLast((since) => cniVersion >= since) as string;
  return { cniVersion, ...shapes[shape] };
}

describe('prevResult', () => {
  let world: World;
  before(async () => {
    world = await createWorld();
  });
  after(() => world.close());

  async function passedOn(cniVersion: string, prevResult: object, plugins = world.plugins): Promise<string> {
    const netns = await world.addPod();
    const config = { cniVersion, name: 'lo-net', type: 'loopback', prevResult };
    const { code, stdout } = await world.cni('loopback', { netns, config, plugins });
    expect(code, stdout).to.equal(0);
    return stdout;
  }

  it('that the version of the configuration cannot tell is an error, and lo stays down', async () => {
    const netns = await world.addPod();
    const before = await world.snapshot();
    const config = { cniVersion: '0.2.0', name: 'lo-net', type: 'loopback', prevResult: { cniVersion: '1.0.0' } };
    const { code, msg } = await refusal(world, 'loopback', { netns, config });
    expect({ code, msg }).to.deep.equal({ code: 7, msg: 'cannot convert: no valid IP addresses' });
    expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
  });

  for (const cniVersion of knownToReference) {
    it(`is passed on by loopback in ${cniVersion} as the reference passes it on`, async () => {
      const prevResult = prevResultOf(cniVersion);
      const [ours, theirs] = await Promise.all([
        passedOn(cniVersion, prevResult),
        passedOn(cniVersion, prevResult, referencePlugins),
      ]);
      if (cniVersion < '1.0.0') expect(ours).to.equal(theirs);
      else expect(JSON.parse(ours)).to.deep.equal(JSON.parse(theirs));
    });
  }

  it('of another version is passed on in the shape of the configuration', async () => {
    const { dns, routes } = shapes['1.0.0'] as { dns: object; routes: object[] };
    expect(JSON.parse(await passedOn('0.2.0', prevResultOf('1.0.0')))).to.deep.equal({
      cniVersion: '0.2.0',
      ip4: { ip: '10.1.2.3/24', gateway: '10.1.2.1', routes },
      ip6: { ip: 'fd00::3/64' },
      dns,
    });
    expect(JSON.parse(await passedOn('1.1.0', prevResultOf('0.1.0')))).to.deep.equal({
      cniVersion: '1.1.0',
      ips: [{ address: '10.1.2.3/24', gateway: '10.1.2.1' }, { address: 'fd00::3/64' }],
      routes,
      dns: { nameservers: ['10.1.2.53'], search: ['a'] },
    });
  });
});

describe('CHECK and DEL with the result of an ADD', () => {
  let world: World;
  let before: Snapshot;

  beforeEach(async () => {
    world = await createWorld();
    await world.addPod('pod');
    before = await world.snapshot();
  });
  afterEach(() => world.close());

  const network = (cniVersion: string): Config =>
    bridgeNetwork({
      cniVersion,
      hairpinMode: true,
      ipMasq: true,
      ipam: { ...hostLocal(ranges.ipv4, ranges.ipv6), routes: [{ dst: '192.0.2.0/24' }] },
    });

  /** ADD by these plugins, then CHECK and DEL by ours with what it printed; nothing must be left. */
  async function lifeOf(cniVersion: string, plugins = world.plugins): Promise<void> {
    const config = network(cniVersion);
    const pod = { netns: '/run/netns/pod' };
    const prevResult = await succeed(world, 'bridge', {
      ...pod,
      config: { ...config, ipMasq: plugins === world.plugins },
      plugins,
    });
    const later = { ...pod, config: { ...config, ipMasq: plugins === world.plugins, prevResult } };
    if (cniVersion >= '0.4.0') await succeed(world, 'bridge', { ...later, command: 'CHECK' });
    await world.run('rm', ['-rf', '/run/trestle/attachments']);
    await succeed(world, 'bridge', { ...later, command: 'DEL' });
    const ofPod = /^namespaces pod sysctls net\/ipv6\/conf\/lo\/disable_ipv6/;
    expectUnchanged(before, await world.snapshot(), { allow: [...sharedObjects('br0'), ofPod] });
    expect((await world.run('ls', ['/var/lib/cni/networks/net'])).stdout).not.to.match(/10\.|fd00/);
  }

  for (const cniVersion of versions) {
    it(`of our own in ${cniVersion} pass, and leave nothing`, () => lifeOf(cniVersion));
  }
  for (const cniVersion of knownToReference) {
    it(`of the reference in ${cniVersion} pass, and leave nothing`, () => lifeOf(cniVersion, referencePlugins));
  }
});
