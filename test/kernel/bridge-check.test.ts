import { expect } from 'chai';
import { about, attached, findings, runIp } from '../support/checking';
import type { Config } from '../support/network';
import { createWorld, type World } from '../support/world';

/** What is changed, by which arguments of `ip`, all that CHECK then says, and what the configuration has for it. */
type Row = [what: string, commands: string, said: string[], config?: Config];

const v4 = 'eth0 in the pod has no address 10.1.2.2/24';
const v6 = 'eth0 in the pod has no address fd00:1:2::2/64';
const route = 'eth0 in the pod has no route 192.0.2.0/24 via 10.1.2.1';
const default4 = 'eth0 in the pod has no route 0.0.0.0/0 via 10.1.2.1';
const default6 = 'eth0 in the pod has no route ::/0 via fd00:1:2::1';
const nothing = [v4, v6, route, default4, default6];
const otherEnd = 'eth0 in the pod is not the other end of HOSTEND';
const gateway4 = 'br0 on the host has no address 10.1.2.1/24';
const gateway6 = 'br0 on the host has no address fd00:1:2::1/64';
const noPort = 'HOSTEND on the host is not a port of br0';
const mac = '02:00:00:00:00:99';
const otherMac = `br0 on the host has MAC ${mac}, expected BRIDGEMAC`;

// A link goes down before it is renamed, since Linux 6.1 wants it so.
const inPod: Row[] = [
  [
    'an IPv4 address',
    'address add 10.9.0.7/24 dev eth0; address delete 10.1.2.2/24 dev eth0',
    [`${v4}, only 10.9.0.7/24`],
  ],
  ['an IPv6 address', 'address delete fd00:1:2::2/64 dev eth0', [v6]],
  [
    'an IPv4 prefix length',
    'address add 10.1.2.2/25 dev eth0; address delete 10.1.2.2/24 dev eth0',
    [`${v4}, only 10.1.2.2/25`],
  ],
  [
    'an IPv6 prefix length',
    'address delete fd00:1:2::2/64 dev eth0; address add fd00:1:2::2/65 dev eth0',
    [`${v6}, only fd00:1:2::2/65`],
  ],
  ['an IPv4 route', 'route delete 192.0.2.0/24', [route]],
  ['the IPv4 default route', 'route delete default', [default4]],
  ['the IPv6 default route', '-6 route delete default', [default6]],
  ["an IPv4 route's gateway", 'route replace 192.0.2.0/24 via 10.1.2.7', [route]],
  ["the IPv4 default route's gateway", 'route replace default via 10.1.2.7', [default4]],
  ["the IPv6 default route's gateway", '-6 route replace default via fd00:1:2::7', [default6]],
  [
    "an IPv4 route's way: it leads out of another link",
    'link add d0 type veth peer name d1; link set d1 up; address add 10.1.3.2/24 dev d0; link set d0 up; route replace 192.0.2.0/24 via 10.1.3.1',
    [route],
  ],
  ['the MAC', `link set eth0 address ${mac}`, [`eth0 in the pod has MAC ${mac}, expected PODMAC`]],
  [
    'the MTU that is configured',
    'link set eth0 mtu 1300',
    ['eth0 in the pod has MTU 1300, expected 1400'],
    { mtu: 1400 },
  ],
  [
    'the MTU that the result names',
    'link set eth0 mtu 1400',
    ['eth0 in the pod has MTU 1400, expected 1500'],
    { cniVersion: '1.1.0' },
  ],
  ['the link: down', 'link set eth0 down', ['eth0 in the pod is down', route, default4, default6]],
  ['the link: another name', 'link set eth0 down; link set eth0 name eth7', ['eth0 in the pod is missing']],
  ['the link: gone', 'link delete eth0', ['HOSTEND on the host is missing', 'eth0 in the pod is missing']],
  [
    'the link: a bridge in its place',
    'link set eth0 down; link set eth0 name old; link add eth0 type bridge; link set eth0 up',
    ['eth0 in the pod is not a veth but a bridge', ...nothing, otherEnd],
  ],
  [
    'the link: an end of another pair in its place',
    'link set eth0 down; link set eth0 name old; link add eth0 address PODMAC type veth peer name eth1; link set eth0 up',
    [...nothing, otherEnd],
  ],
];

describe("CHECK after a change in a bridge's pod", () => tell(inPod, true));

/** A test for each row, in a world of its own. */
function tell(rows: Row[], isInPod: boolean): void {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  for (const [what, commands, said, config] of rows) {
    it(`names ${what}`, async () => {
      const it = await attached(world, config);
      await runIp(world, about(it, commands), isInPod ? it.pod : undefined);
      expect(await findings(world, it)).to.deep.equal(said.map((sentence) => about(it, sentence)));
    });
  }
}

const ofPort: Row[] = [
  ['the link: down', 'link set HOSTEND down', ['HOSTEND on the host is down']],
  ['the link: gone', 'link delete HOSTEND', ['HOSTEND on the host is missing', 'eth0 in the pod is missing']],
  ['the link: another name', 'link set HOSTEND down; link set HOSTEND name other', ['HOSTEND on the host is missing']],
  ['the MAC', `link set HOSTEND address ${mac}`, [`HOSTEND on the host has MAC ${mac}, expected HOSTMAC`]],
  ['the MTU', 'link set HOSTEND mtu 1300', ['HOSTEND on the host has MTU 1300, expected 1400'], { mtu: 1400 }],
  ['the bridge that it is in: none', 'link set HOSTEND nomaster', [noPort]],
  ['the bridge that it is in: another', 'link add br7 type bridge; link set HOSTEND master br7', [noPort]],
  [
    'hairpin mode',
    'link set HOSTEND type bridge_slave hairpin off',
    ['HOSTEND on the host has hairpin false, expected true'],
    { hairpinMode: true },
  ],
  [
    'isolation',
    'link set HOSTEND type bridge_slave isolated off',
    ['HOSTEND on the host has isolated false, expected true'],
    { portIsolation: true },
  ],
  [
    'all at once',
    `link set HOSTEND nomaster; link set HOSTEND mtu 1300; link set HOSTEND address ${mac}`,
    [
      `HOSTEND on the host has MAC ${mac}, expected HOSTMAC`,
      'HOSTEND on the host has MTU 1300, expected 1400',
      'HOSTEND on the host has isolated false, expected true',
      noPort,
    ],
    { mtu: 1400, portIsolation: true },
  ],
];

const ofBridge: Row[] = [
  // An IPv6 address goes with the link, where keep_addr_on_down is 0.
  ['the link: down', 'link set br0 down', ['br0 on the host is down', gateway6]],
  ['the link: gone', 'link delete br0', ['br0 on the host is missing']],
  [
    'the link: an end of a pair in its place',
    `link delete br0; link add br0 address ${mac} type veth peer name br1; link set br0 up`,
    [gateway4, gateway6, '"br0" already exists but is not a bridge (it is a veth device)', noPort, otherMac],
  ],
  [
    'the link: another bridge in its place',
    `link delete br0; link add br0 address ${mac} type bridge`,
    ['br0 on the host is down', gateway4, gateway6, noPort, otherMac],
  ],
  ['the MAC', `link set br0 address ${mac}`, [otherMac]],
  [
    'promiscuous mode',
    'link set br0 promisc off',
    ['br0 on the host has promisc false, expected true'],
    { promiscMode: true },
  ],
  ['the IPv4 gateway address', 'address delete 10.1.2.1/24 dev br0', [gateway4]],
  ['the IPv6 gateway address', 'address delete fd00:1:2::1/64 dev br0', [gateway6]],
  [
    'the IPv4 gateway address: another in its place',
    'address delete 10.1.2.1/24 dev br0; address add 10.1.2.8/24 dev br0',
    [`${gateway4}, only 10.1.2.8/24`],
  ],
  [
    'the IPv6 gateway address: another in its place',
    'address delete fd00:1:2::1/64 dev br0; address add fd00:1:2::8/64 dev br0',
    [`${gateway6}, only fd00:1:2::8/64`],
  ],
  [
    "the IPv4 gateway's prefix length",
    'address delete 10.1.2.1/24 dev br0; address add 10.1.2.1/25 dev br0',
    [`${gateway4}, only 10.1.2.1/25`],
  ],
];

describe("CHECK after a change to a pod's port of the bridge", () => tell(ofPort, false));

describe('CHECK after a change to the bridge', () => tell(ofBridge, false));
