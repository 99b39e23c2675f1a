import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bridgeNetwork, type Config, hostLocal, ranges, refusal, succeed } from '../support/network';
import type { Pod } from '../support/peers';
import type { Snapshot } from '../support/snapshot';
import { createWorld, type World } from '../support/world';

/** One world for all: none of these may change anything in it. */
describe('ADD of bridge refuses a configuration', () => {
  let world: World;
  let pod: Pod;
  let untouched: Snapshot;

  before(async () => {
    world = await createWorld();
    await succeed(world, 'bridge', { netns: await world.addPod(), containerId: 'first', config: bridgeNetwork() });
    pod = await world.addPod();
    untouched = await world.snapshot();
  });

  after(() => world.close());

  async function refused(changes: Config | string) {
    const config = typeof changes === 'string' ? changes : bridgeNetwork(changes);
    const error = await refusal(world, 'bridge', { netns: pod, config });
    expectUnchanged(untouched, await world.snapshot());
    return error;
  }

  const wrong: [string, Config, string][] = [
    [
      'a number where a name belongs',
      { bridge: 5 },
      '"bridge": expected the name of a link: up to 15 bytes without "/", ":", "%" or white space, found 5',
    ],
    ['an empty bridge name', { bridge: '' }, '"bridge": expected '],
    ['a bridge name that is too long', { bridge: 'abcdefghijklmnop' }, '"bridge": expected '],
    ['a bridge name of too many bytes', { bridge: 'ääääääää' }, '"bridge": expected '],
    ['a bridge name that is no link name', { bridge: '../br0' }, '"bridge": expected '],
    ['a bridge name that is a pattern', { bridge: 'br%d' }, '"bridge": expected '],
    ['a flag as text', { isGateway: 'yes' }, '"isGateway": expected true or false, found "yes"'],
    ['a flag as number', { promiscMode: 1 }, '"promiscMode": expected true or false, found 1'],
    ['an MTU as text', { mtu: '1400' }, '"mtu": expected 0 or a whole number from 68 to 65535, found "1400"'],
    ['a negative MTU', { mtu: -1 }, '"mtu": expected 0 or a whole number from 68 to 65535, found -1'],
    ['an MTU that no link has', { mtu: 67 }, '"mtu": expected 0 or a whole number from 68 to 65535, found 67'],
    ['a fraction', { mtu: 1400.5 }, '"mtu": expected 0 or a whole number from 68 to 65535, found 1400.5'],
    ['an object as list', { vlanTrunk: {} }, '"vlanTrunk": expected a list'],
    ['a list as IPAM', { ipam: [] }, '"ipam": expected an object'],
    ['a MAC that is a number', { runtimeConfig: { mac: 7 } }, '"runtimeConfig.mac": expected a string, found 7'],
    ['dns as text', { dns: '10.1.2.1' }, '"dns": expected an object'],
    ['a name server as number', { dns: { nameservers: [1] } }, '"dns.nameservers[0]": expected a string, found 1'],
  ];
  for (const [what, changes, complaint] of wrong) {
    it(`${what}: code 7 that names the field`, async () => {
      const { code, msg } = await refused(changes);
      expect(code, msg).to.equal(7);
      expect(msg).to.include(complaint);
    });
  }

  const contradictory: [string, Config, string][] = [
    [
      'hairpin with promiscuous mode',
      { hairpinMode: true, promiscMode: true },
      'cannot set hairpin mode and promiscuous mode at the same time',
    ],
    [
      'IPAM for an interface that is left down',
      { disableContainerInterface: true },
      'cannot use IPAM when DisableContainerInterface flag is set',
    ],
    ['VLAN ID -1', { vlan: -1 }, 'invalid VLAN ID -1 (must be between 0 and 4094)'],
    ['VLAN ID 4095', { vlan: 4095 }, 'invalid VLAN ID 4095 (must be between 0 and 4094)'],
    ['a trunk upside down', { vlanTrunk: [{ minID: 9, maxID: 3 }] }, 'minID is greater than maxID in trunk parameter'],
    [
      'half a trunk',
      { vlanTrunk: [{ minID: 9 }] },
      'minID and maxID should be configured simultaneously, maxID is missing',
    ],
    ['trunk id 0', { vlanTrunk: [{ id: 0 }] }, 'incorrect trunk id parameter'],
    ['a trunk id out of range', { vlanTrunk: [{ id: 4095 }] }, 'incorrect trunk id parameter'],
    ['a trunk minID out of range', { vlanTrunk: [{ minID: 0, maxID: 7 }] }, 'incorrect trunk minID parameter'],
    ['a trunk maxID out of range', { vlanTrunk: [{ minID: 1, maxID: 4095 }] }, 'incorrect trunk maxID parameter'],
    [
      'half a trunk from below',
      { vlanTrunk: [{ maxID: 9 }] },
      'minID and maxID should be configured simultaneously, minID is missing',
    ],
    [
      "a VLAN gateway's name that no link can have",
      { bridge: 'bridge-of-long', vlan: 7 },
      'the VLAN\'s gateway cannot be called "bridge-of-long.7": a link\'s name has 15 bytes at most',
    ],
    [
      'a subnet that is too small',
      { ipam: { type: 'host-local', subnet: '10.0.0.0/31' } },
      'invalid range set 0: Network 10.0.0.0/31 too small to allocate from',
    ],
    [
      'two addresses of a family for a version that has no room for them',
      { cniVersion: '0.2.0', ipam: hostLocal(ranges.ipv4, [{ subnet: '10.7.0.0/24' }]) },
      'CNI version 0.2.0 does not support more than 1 address per family',
    ],
    ['a MAC that is none', { runtimeConfig: { mac: '02:00' } }, 'invalid MAC address "02:00"'],
    ['a MAC of a group', { runtimeConfig: { mac: '01:00:5e:00:00:01' } }, 'invalid MAC address "01:00:5e:00:00:01"'],
  ];
  for (const [what, changes, complaint] of contradictory) {
    it(`${what}: code 7`, async () => {
      const { code, msg } = await refused(changes);
      expect({ code, msg }).to.deep.equal({ code: 7, msg: complaint });
    });
  }

  it('text that is no JSON: code 6; a version of the future: code 1', async () => {
    expect((await refused('{"name":')).code).to.equal(6);
    expect((await refused({ cniVersion: '9.9.9' })).code).to.equal(1);
  });
});
