import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { sharedObjects } from '../support/leftovers';
import { bridgeNetwork, type Config, globalAddresses, refusal, succeed } from '../support/network';
import type { Pod } from '../support/peers';
import { referencePlugins } from '../support/plugins';
import { createWorld, type World } from '../support/world';

const addresses = [
  { address: '10.1.2.3/24', gateway: '10.1.2.1' },
  { address: 'fd00:1:2::3/64', gateway: 'fd00:1:2::1' },
];
const ipam = {
  type: 'static',
  addresses,
  routes: [{ dst: '10.9.0.0/16', gw: '10.1.2.9' }, { dst: 'fd00:9::/32' }],
  dns: { nameservers: ['10.1.2.1'], search: ['d.example'] },
};

describe('static gives the addresses of the configuration', () => {
  let world: World;
  let pod: Pod;

  beforeEach(async () => {
    world = await createWorld();
    pod = await world.addPod();
  });

  afterEach(() => world.close());

  const callOf = (changes: Config = {}) => ({
    netns: pod,
    containerId: 'one',
    config: bridgeNetwork({ cniVersion: '1.1.0', ipam, ...changes }),
  });

  const routesTo = async (dst: string, family: '-4' | '-6') =>
    (await world.ip(`${family} route show ${dst}`, pod)).map(({ gateway, metric, dev }) => ({ gateway, metric, dev }));

  it('to pods of bridge, which becomes their gateway, with routes and names', async () => {
    const { ips, routes, dns } = await succeed(world, 'bridge', callOf());
    expect(ips).to.deep.equal(addresses.map((ip) => ({ ...ip, interface: 2 })));
    expect(routes).to.deep.include.members(ipam.routes);
    expect(dns).to.deep.equal(ipam.dns);
    expect(await globalAddresses(world, 'eth0', pod)).to.deep.equal(['10.1.2.3/24', 'fd00:1:2::3/64']);
    expect(await globalAddresses(world, 'br0')).to.deep.equal(['10.1.2.1/24', 'fd00:1:2::1/64']);
    expect((await routesTo('10.9.0.0/16', '-4'))[0]?.gateway).to.equal('10.1.2.9');
    expect((await routesTo('fd00:9::/32', '-6'))[0]?.gateway).to.equal('fd00:1:2::1');
    expect(await world.ping(pod, '10.1.2.1')).to.equal(true);
    expect(await world.ping(pod, 'fd00:1:2::1')).to.equal(true);
  });

  it('and routes with the fields of version 1.1.0', async () => {
    const route = { dst: '10.9.0.0/16', gw: '10.1.2.9', mtu: 1300, advmss: 1200, priority: 77, table: 254, scope: 0 };
    const { routes } = await succeed(world, 'bridge', callOf({ ipam: { ...ipam, routes: [route] } }));
    expect(routes).to.deep.include(route);
    const [inPod] = await world.ip('-details route show 10.9.0.0/16', pod);
    expect(inPod).to.deep.include({ gateway: '10.1.2.9', metric: 77, scope: 'global' });
    expect(inPod.metrics[0]).to.deep.equal({ mtu: 1300, advmss: 1200 });
  });

  it('or those that the runtime asks for', async () => {
    const result = await succeed(world, 'bridge', {
      ...callOf({ args: { cni: { ips: ['10.1.2.7/24'] } }, isDefaultGateway: false }),
      args: 'IgnoreUnknown=1;IP=10.1.2.6/24',
    });
    expect(result.ips).to.deep.equal([{ address: '10.1.2.7/24', interface: 2 }]);
    expect(await globalAddresses(world, 'eth0', pod)).to.deep.equal(['10.1.2.7/24']);
    const two = await world.addPod();
    const args = { netns: two, containerId: 'two', args: 'IP=10.1.2.8/24;GATEWAY=10.1.2.254' };
    const { ips } = await succeed(world, 'bridge', { ...callOf({ ipam: { type: 'static' } }), ...args });
    expect(ips).to.deep.equal([{ address: '10.1.2.8/24', gateway: '10.1.2.254', interface: 2 }]);
  });

  it('and leaves nothing behind: not after DEL, twice, nor after a failed ADD', async () => {
    const before = await world.snapshot();
    const call = callOf();
    await succeed(world, 'bridge', call);
    await succeed(world, 'bridge', { ...call, command: 'DEL' });
    await succeed(world, 'bridge', { ...call, command: 'DEL' });
    await succeed(world, 'static', { ...call, command: 'DEL' });
    expectUnchanged(before, await world.snapshot(), { allow: sharedObjects('br0') });
    const none = await refusal(world, 'bridge', callOf({ ipam: { type: 'static' } }));
    expect(none.msg).to.equal('IPAM plugin returned missing IP config');
    const bad = await refusal(world, 'bridge', callOf({ ipam: { ...ipam, addresses: [{ address: 'x' }] } }));
    expect(bad).to.include({ code: 7, msg: "the 'address' field is expected to be in CIDR notation, got: 'x'" });
    expectUnchanged(before, await world.snapshot(), { allow: sharedObjects('br0') });
  });

  it('and CHECK passes until an address is gone from the pod or from prevResult', async () => {
    const call = callOf();
    const prevResult = await succeed(world, 'bridge', call);
    const check = (changes: object) => ({
      ...call,
      command: 'CHECK',
      config: { ...call.config, prevResult: { ...prevResult, ...changes } },
    });
    await succeed(world, 'bridge', check({}));
    const [first, second] = prevResult.ips;
    const other = await refusal(world, 'bridge', check({ ips: [{ ...first, address: '10.1.2.4/24' }, second] }));
    expect(other.code).to.equal(101);
    expect(other.msg).to.match(/^static: Failed to match addr 10\.1\.2\.3 on interface eth0/);
    expect(other.details).to.equal('prevResult has no 10.1.2.3/24');
    await world.ip('address delete 10.1.2.3/24 dev eth0', pod);
    expect((await refusal(world, 'bridge', check({}))).msg).to.include('10.1.2.3/24');
  });

  it('and has nothing to collect, and is always ready', async () => {
    // Not of IPv6: the kernel adds the route to an address of it only a moment later.
    const call = callOf({ ipam: { type: 'static', addresses: addresses.slice(0, 1) } });
    await succeed(world, 'bridge', call);
    const before = await world.snapshot();
    const valid = [{ containerID: 'one', ifname: 'eth0' }];
    const config = { ...call.config, 'cni.dev/valid-attachments': valid };
    for (const type of ['bridge', 'static']) {
      await succeed(world, type, { command: 'GC', config });
      await succeed(world, type, { command: 'STATUS', config: call.config });
    }
    await succeed(world, 'static', { command: 'GC', config: { ...config, 'cni.dev/valid-attachments': [] } });
    expectUnchanged(before, await world.snapshot());
    const status = { command: 'STATUS', config: { ...call.config, ipam: { type: 'static', addresses: [{}] } } };
    expect((await refusal(world, 'bridge', status)).code).to.equal(7);
  });

  describe('beside the reference', () => {
    before(function () {
      // Debian's package containernetworking-plugins is missing.
      if (!existsSync(`${referencePlugins}/static`)) this.skip();
    });

    const dualStack = { ...ipam, routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }] };

    for (const cniVersion of ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0']) {
      it(`prints the same bytes in ${cniVersion}`, async () => {
        for (const args of ['', 'IP=x', 'IP=10.1.2.4/24']) {
          const call = { netns: pod, config: { cniVersion, name: 'net', ipam: dualStack }, args };
          const ours = await world.cni('static', call);
          const theirs = await world.cni('static', { ...call, plugins: referencePlugins });
          const isError = theirs.code !== 0;
          expect(ours.code).to.equal(theirs.code);
          expect(isError ? ours.json.msg : ours.stdout.trim()).to.equal(isError ? theirs.json.msg : theirs.stdout);
        }
      });
    }

    it("serves the reference's bridge", async () => {
      // It fails over a default route that both the IPAM and isDefaultGateway ask for.
      const config = bridgeNetwork({ ipam: dualStack, isDefaultGateway: false, isGateway: true });
      const call = {
        netns: pod,
        containerId: 'one',
        config,
        plugins: referencePlugins,
        env: { CNI_PATH: world.plugins },
      };
      const prevResult = await succeed(world, 'bridge', call);
      expect(prevResult.ips).to.deep.equal(addresses.map((ip) => ({ ...ip, interface: 2 })));
      await succeed(world, 'bridge', { ...call, command: 'CHECK', config: { ...config, prevResult } });
      await succeed(world, 'bridge', { ...call, command: 'DEL' });
      expect(await world.ip('link show master br0')).to.deep.equal([]);
    });

    it("does for our bridge what the reference's static does as a program along CNI_PATH", async () => {
      const folder = world.path('/run/foreign');
      mkdirSync(folder);
      // Under another name, so that it is not the one in our own process.
      copyFileSync(`${referencePlugins}/static`, `${folder}/reference-static`);
      const results = [];
      for (const type of ['static', 'reference-static']) {
        const call = {
          ...callOf({ cniVersion: '1.0.0', ipam: { ...dualStack, type } }),
          env: { CNI_PATH: '/run/foreign' },
        };
        const prevResult = await succeed(world, 'bridge', call);
        await succeed(world, 'bridge', { ...call, command: 'CHECK', config: { ...call.config, prevResult } });
        await succeed(world, 'bridge', { ...call, command: 'DEL' });
        results.push(prevResult);
      }
      expect(results[1]).to.deep.equal(results[0]);
    });
  });
});
