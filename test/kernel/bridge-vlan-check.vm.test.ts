import { expect } from 'chai';
import { needs } from '../support/needs';
import { hostEndOf, refusal, succeed } from '../support/network';
import type { Pod } from '../support/peers';
import { routed } from '../support/vlan-network';
import { createWorld, type World } from '../support/world';

// biome-ignore lint/suspicious/noExplicitAny: what plugins print
type Json = any;

describe('CHECK of VLANs', () => {
  needs('vlan filtering');
  let world: World;
  let pod: Pod;
  let result: Json;
  let port: string;

  const config = routed(100, { preserveDefaultVlan: false, vlanTrunk: [{ minID: 10, maxID: 12 }] });
  const check = () => ({ command: 'CHECK', netns: pod, config: { ...config, prevResult: result } });

  before(async () => {
    world = await createWorld();
    pod = await world.addPod();
    result = await succeed(world, 'bridge', { netns: pod, config });
    port = (await world.ip('link show dev br0.100'))[0].link;
  });

  after(() => world.close());

  beforeEach(async () => {
    await succeed(world, 'bridge', check());
  });

  const run = async (command: string) => {
    const [program = '', ...args] = command.replace('HOST', hostEndOf(result)).replace('PORT', port).split(' ');
    const { code, stderr } = await world.run(program, args);
    expect(code, stderr).to.equal(0);
  };

  const rejoin = 'bridge vlan add dev HOST vid 100 pvid untagged';
  const promised: [what: string, change: string, undo: string, found: RegExp][] = [
    ['its own VLAN', 'bridge vlan del dev HOST vid 100', rejoin, /on the host is not in VLAN 100 pvid untagged/],
    [
      'its PVID',
      'bridge vlan add dev HOST vid 100 untagged',
      rejoin,
      /is in VLAN 100 untagged, expected VLAN 100 pvid untagged/,
    ],
    [
      'untagged frames',
      'bridge vlan add dev HOST vid 100 pvid',
      rejoin,
      /is in VLAN 100 pvid, expected VLAN 100 pvid untagged/,
    ],
    ['a VLAN of its trunk', 'bridge vlan del dev HOST vid 11', 'bridge vlan add dev HOST vid 11', /is not in VLAN 11/],
    [
      'the tags of its trunk',
      'bridge vlan add dev HOST vid 10 untagged',
      'bridge vlan add dev HOST vid 10',
      /is in VLAN 10 untagged, expected VLAN 10/,
    ],
    [
      'to be out of the default VLAN',
      'bridge vlan add dev HOST vid 1',
      'bridge vlan del dev HOST vid 1',
      /is still in VLAN 1\b/,
    ],
    [
      "the bridge's filter",
      'ip link set br0 type bridge vlan_filtering 0',
      'ip link set br0 type bridge vlan_filtering 1',
      /bridge "br0" does not filter VLANs/,
    ],
    [
      "the gateway's VLAN",
      'bridge vlan del dev PORT vid 100',
      'bridge vlan add dev PORT vid 100 pvid untagged',
      /veth\w+ on the host is not in VLAN 100/,
    ],
    [
      "the gateway's address",
      'ip address del 10.100.0.1/24 dev br0.100',
      'ip address add 10.100.0.1/24 dev br0.100',
      /br0\.100 on the host has no address 10\.100\.0\.1\/24/,
    ],
  ];

  for (const [what, change, undo, found] of promised) {
    it(`names what was promised and is no more: ${what}`, async () => {
      await run(change);
      const { code, msg } = await refusal(world, 'bridge', check());
      expect(code).to.equal(101);
      expect(msg).to.match(found);
      await run(undo);
    });
  }

  for (const change of [
    'bridge vlan add dev HOST vid 3000',
    'bridge vlan add dev br0 vid 100 self',
    'bridge vlan add dev PORT vid 7',
  ]) {
    it(`passes after what was never promised: ${change}`, async () => {
      await run(change);
      await succeed(world, 'bridge', check());
    });
  }

  // These two are last: what they take away only the next ADD brings back.
  it('names a gateway that is down', async () => {
    await run('ip link set br0.100 down');
    expect((await refusal(world, 'bridge', check())).msg).to.match(/br0\.100 on the host is down/);
    await succeed(world, 'bridge', { netns: await world.addPod(), containerId: 'second', config });
  });

  it('names a gateway that is gone', async () => {
    await run('ip link delete br0.100');
    expect((await refusal(world, 'bridge', check())).msg).to.match(/br0\.100 on the host is missing/);
    await succeed(world, 'bridge', { netns: await world.addPod(), containerId: 'third', config });
    await succeed(world, 'bridge', check());
  });
});
