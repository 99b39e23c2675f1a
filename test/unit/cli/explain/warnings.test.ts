import { basename } from 'node:path';
import { expect } from 'chai';
import type { HostFacts, HostLink } from '../../../../lib/cli/explain/doubts/host';
import { warningsFor } from '../../../../lib/cli/explain/warnings';
import type { RouteFact } from '../../../../lib/kernel/contract';
import { addrFact, linkFact, routeFact } from '../../facts';
import { madeUpWorld, withNetwork } from './made-up';

const route = (dst: string, gw: string | null = null) => routeFact(dst, { gw });
const hostLink = (name: string, mtu: number, addresses: string[], routes: RouteFact[]): HostLink => ({
  link: linkFact({ name, mtu, kind: name === 'cni0' ? 'bridge' : '' }),
  addrs: addresses.map(addrFact),
  routes,
});
const hostWith = (...links: HostLink[]): HostFacts => ({ links, bridgeCallsIptables: null });
const uplink = (mtu: number) => hostLink('eth0', mtu, ['198.51.100.7/24'], [route('0.0.0.0/0', '198.51.100.1')]);

const bridge = { cniVersion: '1.0.0', name: 'net', type: 'bridge', isGateway: true, ip: '10.9.0.2/24' };
const leased = (ipam: object) => ({ ...bridge, ip: null, ipam: { type: 'host-local', ...ipam } });

/** "path: text" of each warning about a configuration. */
const warned = (config: object, host: HostFacts = hostWith(), more: Record<string, object> = {}) =>
  withNetwork({ [`10-net.${'plugins' in config ? 'conflist' : 'conf'}`]: config, ...more }, (network) =>
    warningsFor(madeUpWorld(), network, host).map(({ path = '', text }) => [path, text].filter(Boolean).join(': ')),
  );

/** Each case: what it is about, the configuration, what is said of it, and the host if that matters. */
const cases: [string, object, string[], HostFacts?][] = [
  ['what is as it should be', bridge, [], hostWith(uplink(1500))],

  ['a mistyped key', { ...bridge, ipMask: true }, ['ipMask: unknown key: did you mean "ipMasq"?']],
  ['a key that is nothing like any', { ...bridge, colour: 'red' }, ['colour: unknown key, which is ignored']],
  ['a key in another case', { ...bridge, IPMASQ: true }, []],
  [
    "an IPAM plugin's mistyped key",
    leased({ ranges: [[{ subnet: '10.1.2.0/24', rangStart: '10.1.2.9' }]] }),
    ['ipam.ranges[0][0].rangStart: unknown key: did you mean "rangeStart"?'],
  ],
  [
    'a mistyped key of trestle',
    { ...bridge, trestle: { trac: '/x' } },
    ['trestle.trac: unknown key: did you mean "trace"?'],
  ],
  [
    'a mistyped key of the list',
    { cniVersion: '1.0.0', name: 'net', disableChek: true, plugins: [{ type: 'loopback' }] },
    ['disableChek: unknown key: did you mean "disableCheck"?'],
  ],
  [
    "the runtime's own keys",
    { ...bridge, capabilities: { mac: true }, args: {}, runtimeConfig: {}, prevResult: null },
    [],
  ],
  [
    'keys that are ignored on purpose',
    { ...bridge, ipMasq: true, ipMasqBackend: 'iptables' },
    ['ipMasqBackend: is ignored: masquerading is always by native nftables'],
  ],
  [
    'an address for lo',
    { cniVersion: '1.0.0', type: 'loopback', ipam: { type: 'static' } },
    ['ipam: is ignored: the kernel gives lo its addresses'],
  ],
  [
    'a capability that nobody has',
    { ...bridge, capabilities: { mac: true, portMappings: true, bandwidth: false } },
    ['capabilities.portMappings: bridge has no such capability'],
  ],
  [
    "an IPAM plugin's capability",
    { ...leased({ subnet: '10.1.2.0/24' }), capabilities: { ips: true, ipRanges: true } },
    [],
  ],

  [
    'no version',
    { ...bridge, cniVersion: undefined },
    ['no "cniVersion": 0.1.0 is assumed, which has no CHECK, no GC and no STATUS'],
  ],
  [
    'a plugin that is not there',
    { ...bridge, type: 'macvlam' },
    ['type: there is no plugin "macvlam" in CNI_PATH (/nowhere/bin)'],
  ],
  [
    'an IPAM plugin that is not there',
    { ...bridge, ip: null, ipam: { type: 'dhcpp' } },
    ['ipam.type: there is no plugin "dhcpp" in CNI_PATH (/nowhere/bin)'],
  ],

  [
    'an MTU that is not that of the bridge',
    { ...bridge, mtu: 1400 },
    ['mtu: 1400, but the bridge cni0 that is there has 1500'],
    hostWith(hostLink('cni0', 1500, [], [])),
  ],
  [
    'an MTU that is not that of the way out',
    { ...bridge, mtu: 9000 },
    ['mtu: 9000, but eth0, by which the host reaches the world, has 1500'],
    hostWith(uplink(1500)),
  ],
  [
    'no MTU where the way out has a smaller one',
    bridge,
    ['no "mtu", so that pods get 1500, but eth0, by which the host reaches the world, has 1450'],
    hostWith(uplink(1450)),
  ],
  ['no MTU where the way out has a larger one', bridge, [], hostWith(uplink(9000))],

  [
    'hairpin with frames that pass iptables',
    { ...bridge, hairpinMode: true },
    [
      'hairpinMode: with net.bridge.bridge-nf-call-iptables = 1 a frame that comes back to its pod passes iptables too, where rules may drop or translate it',
    ],
    { links: [], bridgeCallsIptables: '1' },
  ],
  ['hairpin without', { ...bridge, hairpinMode: true }, [], { links: [], bridgeCallsIptables: '0' }],

  [
    'a gateway of nothing',
    { ...bridge, ip: null, isDefaultGateway: true },
    ['isDefaultGateway: has no effect: no pod gets an address, by "ipam" or "ip", that it could be the gateway of'],
  ],
  [
    'masquerading of nothing',
    { ...bridge, ip: null, isGateway: false, ipMasq: true },
    ['ipMasq: has no effect: no pod gets an address, by "ipam" or "ip"'],
  ],
  [
    'masquerading where nothing is sent through the host',
    { ...bridge, isGateway: false, ipMasq: true },
    ['ipMasq: pods send nothing through this host unless "isGateway" or a gateway of theirs says so'],
  ],
  [
    'a gateway outside of the subnet',
    leased({ subnet: '10.1.2.0/24', gateway: '10.1.3.1' }),
    ['ipam.gateway: 10.1.3.1 is not in 10.1.2.0/24: a pod has no route to it'],
  ],
  [
    'a static gateway outside of the subnet',
    { ...bridge, ip: null, ipam: { type: 'static', addresses: [{ address: '10.1.2.3/24', gateway: '10.1.3.1' }] } },
    ['ipam.addresses[0].gateway: 10.1.3.1 is not in 10.1.2.0/24: a pod has no route to it'],
  ],

  [
    "a subnet that overlaps the host's route",
    leased({ ranges: [[{ subnet: '10.1.2.0/24' }], [{ subnet: 'fd00::/64' }]] }),
    ["ipam.ranges[0][0].subnet: 10.1.2.0/24 overlaps the host's route to 10.0.0.0/8 via 198.51.100.9 through eth1"],
    hostWith(hostLink('eth1', 1500, [], [route('10.0.0.0/8', '198.51.100.9')])),
  ],
  [
    'a subnet that overlaps an address, once',
    { ...bridge, ip: '198.51.100.200/25' },
    ['ip: 198.51.100.128/25 overlaps 198.51.100.7/24, which eth0 on the host has'],
    hostWith(hostLink('eth0', 1500, ['198.51.100.7/24'], [route('198.51.100.0/24')])),
  ],
  [
    'static addresses that overlap',
    {
      ...bridge,
      ip: null,
      ipam: { type: 'static', addresses: [{ address: '10.1.2.3/24' }, { address: 'fd00::3/64' }] },
    },
    ['ipam.addresses[1].address: fd00::/64 overlaps fd00::1/48, which eth0 on the host has'],
    hostWith(hostLink('eth0', 1500, ['fd00::1/48'], [])),
  ],
  [
    "the bridge's own address and route, and the default route",
    bridge,
    [],
    hostWith(hostLink('cni0', 1500, ['10.9.0.1/24'], [route('10.9.0.0/24')]), uplink(1500)),
  ],
];

describe('warnings about a configuration', () => {
  for (const [title, config, expected, host] of cases) {
    it(`with ${title} are ${expected.length === 0 ? 'none' : 'given'}`, async () => {
      expect(await warned(config, host)).to.deep.equal(expected);
    });
  }

  it('tell of a subnet that another network of the folder has, too', async () => {
    const others = {
      '20-other.conf': { ...leased({ subnet: '10.9.0.0/16' }), name: 'other' },
      '30-far.conf': { ...leased({ subnet: '10.20.0.0/16' }), name: 'far' },
    };
    const [only, ...more] = await warned(bridge, hostWith(), others);
    expect(only).to.match(/^ip: 10\.9\.0\.0\/24 overlaps 10\.9\.0\.0\/16 of network "other" \(.*20-other\.conf\)$/);
    expect(more).to.deep.equal([]);
  });

  it('name file, line and column, in a list as in a file alone', async () => {
    const places = (files: Record<string, string | object>) =>
      withNetwork(files, (network) =>
        warningsFor(madeUpWorld(), network, hostWith()).map(({ file, line, column, path }) => [
          basename(file),
          line,
          column,
          path,
        ]),
      );
    const alone =
      '{\n  "cniVersion": "1.0.0", "name": "net", "type": "bridge",\n  "Ipam": {"type": "static", "adresses": []}\n}';
    expect(await places({ '10-net.conf': alone })).to.deep.equal([['10-net.conf', 3, 30, 'Ipam.adresses']]);
    const list =
      '{\n"cniVersion": "1.0.0", "name": "net", "plugins": [\n {"type": "loopback"},\n  {"type": "bridge", "vlann": 1}]}';
    expect(await places({ '10-net.conflist': list })).to.deep.equal([['10-net.conflist', 4, 22, 'plugins[1].vlann']]);
  });
});
