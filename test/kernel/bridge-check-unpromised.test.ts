import { expect } from 'chai';
import { masquerade } from '../../lib/plugins/masquerade';
import { type Attached, about, attached, findings, runIp } from '../support/checking';
import { expectUnchanged } from '../support/expect-unchanged';
import { nft, table } from '../support/masquerading';
import { bridgeNetwork, succeed } from '../support/network';
import { createWorld, type World } from '../support/world';

/** Arguments of `ip`. */
type Row = [what: string, commands: string];

const inPod: Row[] = [
  ['another MTU', 'link set eth0 mtu 1400'],
  ['an IPv4 address more', 'address add 10.77.0.1/24 dev eth0'],
  ['an IPv6 address more', 'address add fd00:77::2/64 dev eth0'],
  ['a route more', 'route add 203.0.113.0/24 via 10.1.2.1'],
  ['a second default route', 'route add default via 10.1.2.1 metric 500'],
  ['a route in another table', 'route add default via 10.1.2.7 table 100'],
  ['a rule', 'rule add from 10.1.2.2 table main priority 77'],
  ['a neighbour', 'neighbour add 10.1.2.77 lladdr 02:00:00:00:00:77 dev eth0'],
  ['an alias', 'link set eth0 alias mine'],
  ['a transmit queue of another length', 'link set eth0 txqueuelen 50'],
  ['a link more', 'link add extra type veth peer name extra2'],
];

const onHost: Row[] = [
  ['another alias of the port', 'link set HOSTEND alias mine'],
  ['another MTU of the port', 'link set HOSTEND mtu 1450'],
  ['another group of the port', 'link set HOSTEND group 7'],
  ['a transmit queue of another length', 'link set HOSTEND txqueuelen 50'],
  ['hairpin mode that nobody asked for', 'link set HOSTEND type bridge_slave hairpin on'],
  ['isolation that nobody asked for', 'link set HOSTEND type bridge_slave isolated on'],
  ["another cost of the port's", 'link set HOSTEND type bridge_slave cost 50'],
  ['a bridge that is promiscuous', 'link set br0 promisc on'],
  ['a bridge with another MTU', 'link set br0 mtu 1300'],
  ['a bridge that ages faster', 'link set br0 type bridge ageing_time 1000'],
  ['a spanning tree', 'link set br0 type bridge stp_state 1'],
  ['an IPv4 address more on the bridge', 'address add 10.77.0.1/24 dev br0'],
  ['an IPv6 address more on the bridge', 'address add fd00:77::1/64 dev br0'],
  ['a neighbour', 'neighbour add 10.1.2.77 lladdr 02:00:00:00:00:77 dev br0'],
  ['a route', 'route add 203.0.113.0/24 dev br0'],
  ["a port of somebody else's", 'link add extra type veth peer name extra2; link set extra master br0'],
  ['a bridge more', 'link add br7 type bridge'],
];

/** What reads a setting may not depend on it. The reference does not look at forwarding either: the node's administrator decides. */
const sysctls: [what: string, key: string, where: 'host' | 'pod'][] = [
  ['IPv4 forwarding', 'net.ipv4.ip_forward', 'host'],
  ['IPv6 forwarding', 'net.ipv6.conf.all.forwarding', 'host'],
  ['arp_notify', 'net.ipv4.conf.eth0.arp_notify', 'pod'],
  ['ndisc_notify', 'net.ipv6.conf.eth0.ndisc_notify', 'pod'],
  ['keep_addr_on_down', 'net.ipv6.conf.eth0.keep_addr_on_down', 'pod'],
];

const tables: [what: string, commands: string][] = [
  ["somebody's table", 'add table ip foreign; add chain ip foreign c { type filter hook forward priority 0; }'],
  [
    "somebody's table of that name, of another family",
    `add table ip ${table.split(' ')[1]}; add set ip ${table.split(' ')[1]} pods { type ipv4_addr; }`,
  ],
  ['a rule more', `insert rule ${table} postrouting ip daddr 10.0.0.0/8 accept`],
  ['a set more', `add set ${table} mine { type ipv4_addr; elements = { 10.9.9.9 }; }`],
];

describe('CHECK does not mind', () => {
  let world: World;
  let attachment: Attached;

  before(async () => {
    world = await createWorld();
    attachment = await attached(world, { ipMasq: true });
  });

  after(() => world.close());

  // What was changed stays so: the last test finds everything changed at once.
  afterEach(async () => expect(await findings(world, attachment)).to.deep.equal([]));

  for (const [what, commands] of inPod)
    it(`${what} in the pod`, () => runIp(world, about(attachment, commands), attachment.pod));

  for (const [what, commands] of onHost) it(what, () => runIp(world, about(attachment, commands)));

  for (const [what, key, where] of sysctls) {
    it(`${what} switched off`, async () => {
      const { stdout } = await world.run('sysctl', ['-w', `${key}=0`], where === 'pod' ? { in: attachment.pod } : {});
      expect(stdout).to.equal(`${key} = 0\n`);
    });
  }

  for (const [what, commands] of tables) it(`${what} in nftables`, () => nft(world, commands));

  it('an element more, and an own one that says no longer whose it is', async () => {
    const [{ name } = { name: '' }] = masquerade('net', 'test', 'eth0', ['10.1.2.2/24']).ensure?.sets ?? [];
    const element = `element ${table} ${name}`;
    await nft(world, `delete ${element} { 10.1.2.2 }; add ${element} { 10.1.2.2, 10.1.2.99 }`);
  });

  it('pods that come and go', async () => {
    for (const containerId of ['one', 'two']) {
      const call = { netns: await world.addPod(containerId), containerId, config: bridgeNetwork({ ipMasq: true }) };
      await succeed(world, 'bridge', call);
      if (containerId === 'one') await succeed(world, 'bridge', { ...call, command: 'DEL' });
      else await world.removePod(call.netns);
    }
  });

  it('a lock, a cache and a lease beside its own that are gone', async () => {
    await world.run('rm', [
      '-r',
      '/run/trestle/lock',
      '/run/trestle/leases',
      '/var/lib/cni/networks/net/last_reserved_ip.0',
    ]);
  });

  it('that its record is gone', () => world.run('rm', ['-r', '/run/trestle/attachments']));

  it('anything, and changes nothing', async () => {
    await findings(world, attachment);
    const before = await world.snapshot();
    await findings(world, attachment);
    expectUnchanged(before, await world.snapshot());
  });
});
