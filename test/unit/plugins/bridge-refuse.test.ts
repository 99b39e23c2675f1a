import { expect } from 'chai';
import { type Case, identity, link, refuse } from './bridge-cases';

describe('bridge: what an ADD refuses before anything is changed', () => {
  const cases: [string, Case, string][] = [
    [
      'hairpin together with promiscuous mode',
      { config: { hairpinMode: true, promiscMode: true } },
      'cannot set hairpin mode and promiscuous mode at the same time',
    ],
    [
      'an IPAM for a container end that is disabled',
      { config: { disableContainerInterface: true, ipam: { type: 'x' } } },
      'cannot use IPAM when DisableContainerInterface flag is set',
    ],
    ['a negative VLAN', { config: { vlan: -1 } }, 'invalid VLAN ID -1 (must be between 0 and 4094)'],
    ['a VLAN above 4094', { config: { vlan: 4095 } }, 'invalid VLAN ID 4095 (must be between 0 and 4094)'],
    [
      'a trunk without its upper end',
      { config: { vlanTrunk: [{ minID: 5 }] } },
      'minID and maxID should be configured simultaneously, maxID is missing',
    ],
    [
      'a trunk without its lower end',
      { config: { vlanTrunk: [{ maxID: 5 }] } },
      'minID and maxID should be configured simultaneously, minID is missing',
    ],
    [
      'a trunk the wrong way round',
      { config: { vlanTrunk: [{ minID: 9, maxID: 5 }] } },
      'minID is greater than maxID in trunk parameter',
    ],
    ['a trunk id out of range', { config: { vlanTrunk: [{ id: 5000 }] } }, 'incorrect trunk id parameter'],
    [
      'a trunk minID out of range',
      { config: { vlanTrunk: [{ minID: -1, maxID: 7 }] } },
      'incorrect trunk minID parameter',
    ],
    [
      'a trunk maxID out of range',
      { config: { vlanTrunk: [{ minID: 1, maxID: 5000 }] } },
      'incorrect trunk maxID parameter',
    ],
    ['trunk id 0', { config: { vlanTrunk: [{ id: 0 }] } }, 'incorrect trunk id parameter'],
    [
      "a VLAN gateway's name that no link can have",
      { config: { bridge: 'bridge-of-long', vlan: 7, isGateway: true } },
      'the VLAN\'s gateway cannot be called "bridge-of-long.7": a link\'s name has 15 bytes at most',
    ],
    [
      'a VLAN on a bridge that filters none',
      { config: { vlan: 100 }, facts: { bridge: link({ bridge: { vlanFiltering: false, defaultPvid: 1 } }) } },
      'bridge "cni0" does not filter VLANs, which "vlan" needs',
    ],
    [
      'a trunk on a bridge that filters no VLANs',
      { config: { vlanTrunk: [{ id: 5 }] }, facts: { bridge: link({}) } },
      'bridge "cni0" does not filter VLANs, which "vlanTrunk" needs',
    ],
    [
      'two names for the bridge',
      { config: { BridgeName: 'test', Bridge: 'br0' } },
      '"bridge" and "bridgeName" name two bridges: "br0" and "test"',
    ],
    [
      'an address beside an IPAM plugin',
      { config: { IP: '192.0.2.15/24', ipam: { type: 'x' } } },
      '"ip" and "ipam.type" cannot both give the address',
    ],
    [
      'an address for a container end that is disabled',
      { config: { ip: '192.0.2.15/24', disableContainerInterface: true } },
      'cannot use "ip" when "disableContainerInterface" is set',
    ],
    [
      'a bridge name that another kind of device has',
      { facts: { bridge: link({ kind: 'veth' }) } },
      '"cni0" already exists but is not a bridge',
    ],
    [
      'a pod that has the interface',
      { facts: { podEnd: link({ name: 'eth0' }) } },
      'container veth name provided (eth0) already exists',
    ],
    [
      'a host end whose name is taken',
      { facts: { hostEnd: link({ alias: 'mine' }) } },
      `"${identity.hostEnd.name}" already exists on the host; its MAC is 02:00:00:00:00:01, its alias "mine"`,
    ],
  ];
  for (const [what, given, message] of cases) it(what, () => expect(refuse(given)).to.throw(message));

  it('CNI_ARGS that nobody knows, when there is no IPAM plugin to know them', () => {
    expect(refuse({ args: [['FOO', '1']] })).to.throw('ARGS: unknown args ["FOO=1"]');
    expect(refuse({ args: [['FOO', '1']], config: { ipam: { type: 'x' } } })).not.to.throw();
    expect(
      refuse({
        args: [
          ['FOO', '1'],
          ['IgnoreUnknown', '1'],
        ],
      }),
    ).not.to.throw();
  });

  it('and nothing else', () => {
    for (const config of [
      { hairpinMode: true },
      { bridge: 'test', bridgeName: 'test' },
      { ip: '192.0.2.15/24', ipam: {} },
    ]) {
      expect(refuse({ config }), JSON.stringify(config)).not.to.throw();
    }
  });
});
