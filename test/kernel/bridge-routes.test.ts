import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping } from '../support/leftovers';
import { bridgeNetwork, type Config, hostLocal, refusal, succeed } from '../support/network';
import type { Pod } from '../support/peers';
import { referencePlugins } from '../support/plugins';
import { createWorld, type World } from '../support/world';

/** Every field that 1.1.0 gave to a route, in both families. */
const asked = [
  { dst: '10.7.0.0/16', mtu: 1400, advmss: 1300, priority: 7, table: 1000, scope: 0 },
  { dst: '10.8.0.0/16', scope: 253 },
  { dst: '10.9.0.0/16', gw: '10.1.2.209', mtu: 0, advmss: 0, priority: 0, table: 0 },
  { dst: '10.10.0.0/16', table: 100, scope: 254 },
  { dst: 'fd07::/64', mtu: 1300, advmss: 1220, priority: 7, table: 1000 },
  { dst: 'fd08::/64', gw: 'fd00:1:2::209', scope: 253 },
  { dst: 'fd09::/64', priority: 0, table: 0 },
];

/** Those fields as a result reports them: 0 says nothing, but in a table or scope. */
const reported = asked.map((route) =>
  Object.fromEntries(Object.entries(route).filter(([key, value]) => value !== 0 || key === 'table' || key === 'scope')),
);

/** What `ip route` says of them. */
const shown = [
  '10.7.0.0/16 via 10.1.2.1 table 1000 scope global metric 7 mtu 1400 advmss 1300',
  '10.8.0.0/16 table main scope link',
  '10.9.0.0/16 via 10.1.2.209 table main scope global',
  '10.10.0.0/16 table 100 scope host',
  'fd07::/64 via fd00:1:2::1 table 1000 scope global metric 7 mtu 1300 advmss 1220',
  'fd08::/64 via fd00:1:2::209 table main scope global metric 1024',
  'fd09::/64 via fd00:1:2::1 table main scope global metric 1024',
];

const network = (cniVersion: string, routes: object[] = asked): Config =>
  bridgeNetwork({ cniVersion, isDefaultGateway: false, isGateway: true, ipam: { ...hostLocal(), routes } });

/** The routes of a pod that are neither the kernel's own nor IPv6's own. */
async function routesIn(world: World, pod: Pod): Promise<string[]> {
  const [v4, v6] = await Promise.all([
    world.ip('-4 -details route show table all', pod),
    world.ip('-6 -details route show table all', pod),
  ]);
  return [...v4, ...v6].filter(({ protocol }) => protocol === 'boot').flatMap(inWords);
}

// biome-ignore lint/suspicious/noExplicitAny: `ip -json`'s own shape
function inWords({ nexthops = [], ...route }: any): string[] {
  if (nexthops.length > 0)
    return nexthops.flatMap(({ gateway }: { gateway: string }) => inWords({ ...route, gateway }));
  const { dst, gateway, table, scope, metric, metrics: [{ mtu, advmss }] = [{}] } = route;
  const told = Object.entries({ via: gateway, table, scope, metric, mtu, advmss });
  return [[dst, ...told.filter(([, value]) => value !== undefined).flat()].join(' ')];
}

describe('the routes of a pod on a bridge', () => {
  let world: World;
  before(async () => {
    world = await createWorld();
  });
  after(() => world.close());

  /** What a call needs to be about a pod of its own. */
  async function newPod(): Promise<{ netns: Pod; containerId: string }> {
    const netns = await world.addPod();
    return { netns, containerId: netns.name };
  }

  for (const cniVersion of ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']) {
    it(`have every field that was asked for, and are reported so, in version ${cniVersion}`, async () => {
      const pod = await newPod();
      const config = network(cniVersion);
      const prevResult = await succeed(world, 'bridge', { ...pod, config });
      expect(prevResult.routes).to.deep.equal(reported);
      expect(await routesIn(world, pod.netns)).to.have.members(shown);
      if (cniVersion < '0.4.0') return;
      await succeed(world, 'bridge', { command: 'CHECK', ...pod, config: { ...config, prevResult } });
    });
  }

  it('are missed by CHECK when one has another table, metric, MTU, MSS, scope or way', async () => {
    const pod = await newPod();
    const config = network('1.1.0');
    const prevResult = await succeed(world, 'bridge', { ...pod, config });
    const check = { command: 'CHECK', ...pod, config: { ...config, prevResult } };
    const full = '10.7.0.0/16 via 10.1.2.1 table 1000 scope 0 metric 7 mtu 1400 advmss 1300';
    const six = 'fd07::/64 via fd00:1:2::1 table 1000 metric 7 mtu 1300 advmss 1220';
    const way = '10.7.0.0/16 via 10.1.2.1 dev eth0';
    for (const [was, is, finding] of [
      [`${way} table 1000 metric 7`, `${way} table 1001 metric 7 mtu 1400 advmss 1300`, full],
      [`${way} table 1001 metric 7`, `${way} table 1000 metric 8 mtu 1400 advmss 1300`, full],
      [`${way} table 1000 metric 8`, `${way} table 1000 metric 7 mtu 1401 advmss 1300`, full],
      [`${way} table 1000 metric 7`, `${way} table 1000 metric 7 mtu 1400 advmss 1301`, full],
      ['10.8.0.0/16 dev eth0', '10.8.0.0/16 dev eth0 scope global', '10.8.0.0/16 scope 253'],
      ['10.8.0.0/16 dev eth0', '10.8.0.0/16 via 10.1.2.1 dev eth0', '10.8.0.0/16 scope 253'],
      [
        '10.10.0.0/16 dev eth0 table 100 scope host',
        '10.10.0.0/16 dev eth0 table 100',
        '10.10.0.0/16 table 100 scope 254',
      ],
      ['fd07::/64 table 1000 metric 7', 'fd07::/64 via fd00:1:2::1 dev eth0 table 1000 metric 7', six],
    ]) {
      await world.ip(`route delete ${was}`, pod.netns);
      await world.ip(`route add ${is}`, pod.netns);
      expect((await refusal(world, 'bridge', check)).msg).to.include(`eth0 in the pod has no route ${finding}`);
    }
  });

  it('may lead two ways to one destination, and through the gateway to the own subnet, as the reference makes them', async () => {
    const two = [
      { dst: '10.7.0.0/16', gw: '10.1.2.207' },
      { dst: '10.7.0.0/16', gw: '10.1.2.208' },
      { dst: '10.1.2.0/24' },
      { dst: 'fd07::/64', gw: 'fd00:1:2::207' },
      { dst: 'fd07::/64', gw: 'fd00:1:2::208' },
      { dst: 'fd00:1:2::/64' },
    ];
    const config = network('0.4.0', two);
    const [ours, theirs] = [await newPod(), await newPod()];
    const prevResult = await succeed(world, 'bridge', { ...ours, config });
    await succeed(world, 'bridge', { ...theirs, config, plugins: referencePlugins });
    expect(await routesIn(world, ours.netns)).to.deep.equal(await routesIn(world, theirs.netns));
    const check = { command: 'CHECK', ...ours, config: { ...config, prevResult } };
    await succeed(world, 'bridge', check);
    await world.ip('-6 route delete fd07::/64 via fd00:1:2::208 dev eth0', ours.netns);
    expect((await refusal(world, 'bridge', check)).msg).to.equal(
      'eth0 in the pod has no route fd07::/64 via fd00:1:2::208',
    );
  });

  it('that are told twice are added once, where the reference gives up', async () => {
    const [ours, theirs] = [await newPod(), await newPod()];
    const config = {
      ...network('0.4.0', [{ dst: '0.0.0.0/0' }, { dst: 'fd07::/64' }, { dst: 'fd07::/64' }]),
      isDefaultGateway: true,
    };
    const { msg } = await refusal(world, 'bridge', {
      ...theirs,
      config,
      plugins: referencePlugins,
    });
    expect(msg).to.match(/^failed to add route .*: file exists$/);
    await succeed(world, 'bridge', { ...ours, config });
    expect(await routesIn(world, ours.netns)).to.deep.equal([
      'default via 10.1.2.1 table main scope global',
      'fd07::/64 via fd00:1:2::1 table main scope global metric 1024',
      'default via fd00:1:2::1 table main scope global metric 1024',
    ]);
  });

  it('that the kernel refuses are named by the error, and the pod is left as it was', async () => {
    await succeed(world, 'bridge', { ...(await newPod()), config: network('1.1.0', []) });
    const pod = await newPod();
    const before = await world.snapshot();
    for (const [route, fault] of [
      [
        { dst: '10.7.0.0/16', gw: '10.1.2.1', scope: 253 },
        /^add route 10\.7\.0\.0\/16 via 10\.1\.2\.1 through eth0 in the pod: ENETUNREACH .*Nexthop has invalid gateway/,
      ],
      [
        { dst: '10.7.0.0/16', scope: 255 },
        /^add route 10\.7\.0\.0\/16 through eth0 in the pod: EINVAL .*Invalid scope/,
      ],
      [
        { dst: '10.7.0.0/16', gw: '192.0.2.1' },
        /^add route 10\.7\.0\.0\/16 via 192\.0\.2\.1 through eth0 in the pod: ENETUNREACH /,
      ],
      [{ dst: '10.7.1.0/16' }, /^add route 10\.7\.1\.0\/16 via 10\.1\.2\.1 through eth0 in the pod: EINVAL /],
      [
        { dst: 'fd07::/64', gw: '2001:db8::1' },
        /^add route fd07::\/64 via 2001:db8::1 through eth0 in the pod: EHOSTUNREACH /,
      ],
    ] as const) {
      const { code, msg } = await refusal(world, 'bridge', { ...pod, config: network('1.1.0', [route]) });
      expect(code).to.equal(999);
      expect(msg).to.match(fault);
    }
    expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
  });
});
