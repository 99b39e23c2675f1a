import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { bridgeNetwork, hostLocal, ranges, refusal, succeed } from '../support/network';
import { referencePlugins } from '../support/plugins';
import { createWorld, type World } from '../support/world';

/** Where the network "net" keeps its leases. */
const folder = '/var/lib/cni/networks/net';

describe('host-local as a program of its own', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  const leases = () => {
    const files = existsSync(world.path(folder)) ? readdirSync(world.path(folder)) : [];
    return files.filter((name) => /^\d|:/.test(name)).sort();
  };

  it('leases, checks and releases for a namespace that is not there', async () => {
    const call = { netns: '/run/netns/gone', containerId: 'one', config: bridgeNetwork({ ipam: hostLocal() }) };
    const prevResult = await succeed(world, 'host-local', call);
    expect(prevResult).to.deep.equal({
      cniVersion: '1.0.0',
      ips: [
        { address: '10.1.2.2/24', gateway: '10.1.2.1' },
        { address: 'fd00:1:2::2/64', gateway: 'fd00:1:2::1' },
      ],
    });
    expect(leases()).to.deep.equal(['10.1.2.2', 'fd00:1:2::2']);
    const check = { ...call, command: 'CHECK', config: { ...call.config, prevResult } };
    await succeed(world, 'host-local', check);
    await succeed(world, 'host-local', { ...call, command: 'DEL' });
    expect(leases()).to.deep.equal([]);
    expect((await refusal(world, 'host-local', check)).msg).to.equal(
      'host-local: Failed to find address added by container one',
    );
    await succeed(world, 'host-local', { ...call, command: 'DEL' });
  });

  it("serves the reference's bridge", async function () {
    // Debian's package containernetworking-plugins is missing.
    if (!existsSync(`${referencePlugins}/bridge`)) this.skip();
    const pod = await world.addPod();
    const config = bridgeNetwork({ ipam: hostLocal(ranges.ipv4) });
    const call = {
      netns: pod,
      containerId: 'one',
      config,
      plugins: referencePlugins,
      env: { CNI_PATH: world.plugins },
    };
    const prevResult = await succeed(world, 'bridge', call);
    expect(prevResult.ips).to.deep.equal([{ interface: 2, address: '10.1.2.2/24', gateway: '10.1.2.1' }]);
    expect(readFileSync(world.path(`${folder}/10.1.2.2`), 'utf8')).to.equal('one\r\neth0');
    // The reference's own host-local keeps no index: it was ours that was asked.
    expect(readdirSync(world.path('/run/trestle/leases'))).to.have.length(1);
    await succeed(world, 'bridge', { ...call, command: 'CHECK', config: { ...config, prevResult } });
    await succeed(world, 'bridge', { ...call, command: 'DEL' });
    expect(leases()).to.deep.equal([]);
  });
});
