import { expect } from 'chai';
import { startDaemon } from '../support/daemon';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping, sharedObjects } from '../support/leftovers';
import { addIpam, bridgeNetwork, hostLocal, ipamCalls, ipamPath, ipsOf, succeed } from '../support/network';
import { createWorld } from '../support/world';

const many = 64;

describe('An IPAM plugin of somebody else’s that calls our host-local', function () {
  this.timeout(180_000);

  it(`gives ${many} pods at once their addresses, and has its caller’s whole environment`, async () => {
    const world = await createWorld();
    const daemon = await startDaemon(world.keeper, world.plugins);
    const script = `[ "$OF_THE_CALLER" = yes ] || { echo '{"code":150,"msg":"not in the environment"}'; exit 1; }
exec ${world.plugins}/host-local`;
    const ipam = { ...hostLocal([{ subnet: '10.1.2.0/24' }]), ...addIpam(world, 'wrapper', script) };
    const pods = [];
    while (pods.length < many) pods.push(await world.addPod());
    const calls = pods.map((netns, index) => ({
      netns,
      containerId: `c${index}`,
      config: bridgeNetwork({ ipam }),
      env: { ...ipamPath(world), OF_THE_CALLER: 'yes' },
    }));
    const before = await world.snapshot();
    const results = await Promise.all(calls.map((call) => succeed(world, 'bridge', call)));
    const addresses = results.flatMap(ipsOf);
    expect(new Set(addresses).size).to.equal(many);
    const answers = await Promise.all(addresses.map((address) => world.ping('host', address)));
    expect(answers).to.deep.equal(addresses.map(() => true));
    await Promise.all(calls.map((call) => succeed(world, 'bridge', { ...call, command: 'DEL' })));
    expectUnchanged(before, await world.snapshot(), {
      allow: [...bookkeeping, ...sharedObjects('br0'), /^files \/run\/ipam\.log: /],
    });
    expect(ipamCalls(world)).to.have.length(2 * many);
    const { declined, requests } = await daemon.report();
    expect(Object.keys(declined)).to.deep.equal(['delegate']);
    expect(requests.map(({ command, plugin }) => `${command} ${plugin}`)).to.have.members([
      'ADD host-local',
      'DEL host-local',
    ]);
    expect(await daemon.end()).to.deep.equal({ code: 0, signal: null, stderr: '' });
    await world.close();
  });
});
