import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { masquerade } from '../../lib/plugins/masquerade';
import { type Attached, about, attached, checkedNetwork, findings, runIp } from '../support/checking';
import { nft, table } from '../support/masquerading';
import { addIpam, ipamPath, linkGone, refusal, succeed } from '../support/network';
import { referencePlugins } from '../support/plugins';
import { createWorld, type World } from '../support/world';

const leases = '/var/lib/cni/networks/net';
const noLease = 'host-local: Failed to find address added by container test';
const noRoute = 'eth0 in the pod has no route 192.0.2.0/24 via 10.1.2.1';

describe('CHECK of bridge', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  const remove = (path: string) => world.run('rm', ['-r', path]);

  describe('asks the IPAM plugin, and names', () => {
    const cases: [what: string, change: () => unknown, details: string][] = [
      ['an IPv4 lease that is gone', () => remove(`${leases}/10.1.2.2`), '10.1.2.2 is not leased to it'],
      ['an IPv6 lease that is gone', () => remove(`${leases}/fd00:1:2::2`), 'fd00:1:2::2 is not leased to it'],
      [
        "a lease that is another container's",
        () => writeFileSync(world.path(`${leases}/10.1.2.2`), 'other\r\neth0'),
        '10.1.2.2 is not leased to it',
      ],
      [
        'leases whose folder is gone',
        () => remove('/var/lib/cni/networks'),
        '10.1.2.2 is not leased to it, fd00:1:2::2 is not leased to it',
      ],
    ];
    for (const [what, change, expected] of cases) {
      it(what, async () => {
        const { check } = await attached(world);
        await change();
        const { code, msg, details } = await refusal(world, 'bridge', check);
        expect({ code, msg, details }).to.deep.equal({ code: 101, msg: noLease, details: expected });
      });
    }

    it('a lease that is gone together with what else is wrong', async () => {
      const it = await attached(world);
      await remove(`${leases}/10.1.2.2`);
      await runIp(world, 'route delete 192.0.2.0/24', it.pod);
      await runIp(world, about(it, 'link set HOSTEND down'));
      expect((await findings(world, it)).sort()).to.deep.equal(
        [noLease, noRoute, about(it, 'HOSTEND on the host is down')].sort(),
      );
      expect(await refusal(world, 'bridge', it.check)).to.include({ details: '10.1.2.2 is not leased to it' });
    });

    it("what a plugin of somebody else's says, its code if that is all", async () => {
      const script = `if [ $CNI_COMMAND = ADD ]; then
        echo '{"cniVersion":"1.0.0","ips":[{"address":"10.1.2.2/24"}]}'
      else echo '{"code":150,"msg":"no lease"}'; exit 1; fi`;
      const pod = await world.addPod();
      const config = checkedNetwork({ ipam: addIpam(world, 'foreign', script) });
      const call = { netns: pod, config, env: ipamPath(world) };
      const prevResult = await succeed(world, 'bridge', call);
      const check = { ...call, command: 'CHECK', config: { ...config, prevResult } };
      expect(await refusal(world, 'bridge', check)).to.deep.equal({ code: 150, msg: 'no lease' });
      await runIp(world, 'route delete default', pod);
      expect(await refusal(world, 'bridge', check)).to.deep.equal({
        code: 101,
        msg: 'no lease; eth0 in the pod has no route 0.0.0.0/0 via 10.1.2.1',
      });
    });
  });

  it("names an element of ipMasq that has become another pod's", async () => {
    const it = await attached(world, { ipMasq: true });
    const [{ name: set } = { name: '' }] = masquerade('net', 'test', 'eth0', ['10.1.2.2/24']).ensure?.sets ?? [];
    const element = `element ${table} ${set}`;
    await nft(world, `delete ${element} { 10.1.2.2 }; add ${element} { 10.1.2.2 comment "other eth0" }`);
    expect(await findings(world, it)).to.deep.equal([
      `nftables set ${table} ${set} has 10.1.2.2 for "other eth0", expected "test eth0"`,
    ]);
  });

  it('names an address that failed duplicate address detection', async () => {
    const it = await attached(world, { enabledad: true });
    await runIp(world, 'address delete fd00:1:2::2/64 dev eth0; link set eth0 address 02:00:00:00:00:99', it.pod);
    await runIp(world, 'address add fd00:1:2::2/64 dev br0 nodad');
    await runIp(world, 'address add fd00:1:2::2/64 dev eth0', it.pod);
    const hasFailed = async () => (await world.ip('-6 address show dev eth0 dadfailed', it.pod)).length > 0;
    for (const end = Date.now() + 10_000; !(await hasFailed()) && Date.now() < end; ) await sleep(50);
    expect(await findings(world, it)).to.include(
      'eth0 in the pod has address fd00:1:2::2/64, which failed duplicate address detection',
    );
  });

  it('fails with code 3 when the namespace is gone, and with code 7 without prevResult', async () => {
    const { pod, check } = await attached(world);
    const { prevResult: _, ...config } = check.config;
    const { code, msg } = await refusal(world, 'bridge', { ...check, config });
    expect({ code, msg }).to.deep.equal({ code: 7, msg: 'required prevResult missing' });
    await world.removePod(pod);
    expect((await refusal(world, 'bridge', check)).code).to.equal(3);
  });

  it('finds nothing of the pod in a namespace that was made anew under its name', async () => {
    const it = await attached(world);
    await world.removePod(it.pod);
    await world.addPod(it.pod.name);
    await linkGone(world, it.hostEnd);
    expect(await findings(world, it)).to.deep.equal([
      about(it, 'HOSTEND on the host is missing'),
      'eth0 in the pod is missing',
    ]);
  });

  describe('goes by the result that the whole chain of plugins gave:', () => {
    /** Makes a CHECK of a pod whose result a later plugin has changed. */
    function changedBy(it: Attached, change: (result: Attached['result']) => void): Attached {
      const prevResult = JSON.parse(JSON.stringify(it.result));
      change(prevResult);
      return { ...it, check: { ...it.check, config: { ...it.check.config, prevResult } } };
    }

    // What was changed in the pod, and in the result; and what would be said if it were not in the result.
    type Row = [what: string, commands: string, change: (result: Attached['result']) => void, otherwise: string[]];
    const rows: Row[] = [
      [
        'another MAC',
        'link set eth0 address 02:00:00:00:00:99',
        ({ interfaces }) => Object.assign(interfaces[2], { mac: '02:00:00:00:00:99' }),
        ['eth0 in the pod has MAC 02:00:00:00:00:99, expected PODMAC'],
      ],
      [
        'another MTU',
        'link set eth0 mtu 1300',
        ({ interfaces }) => Object.assign(interfaces[2], { mtu: 1300 }),
        ['eth0 in the pod has MTU 1300, expected 1400'],
      ],
      ['a route less', 'route delete 192.0.2.0/24', ({ routes }) => routes.shift(), [noRoute]],
      [
        'no IPv6 default route',
        '-6 route delete default',
        (result) =>
          Object.assign(result, { routes: result.routes.filter(({ dst }: { dst: string }) => dst !== '::/0') }),
        ['eth0 in the pod has no route ::/0 via fd00:1:2::1'],
      ],
      [
        'an address more',
        'address add 10.1.9.9/24 dev eth0',
        ({ ips }) => ips.push({ address: '10.1.9.9/24', interface: 2 }),
        [],
      ],
    ];
    for (const [what, commands, change, otherwise] of rows) {
      it(what, async () => {
        const made = await attached(world, { cniVersion: '1.1.0', mtu: 1400 });
        await runIp(world, commands, made.pod);
        expect(await findings(world, made)).to.deep.equal(otherwise.map((text) => about(made, text)));
        expect(await findings(world, changedBy(made, change))).to.deep.equal([]);
      });
    }

    it("interfaces and addresses that are none of the bridge's", async () => {
      const made = await attached(world);
      const it = changedBy(made, ({ interfaces, ips }) => {
        interfaces.push({ name: 'bwp0123456789ab', mac: '02:00:00:00:00:77' });
        interfaces.push({ name: 'vethelsewhere', mac: '02:00:00:00:00:78' });
        interfaces.push({ name: 'net1', mac: '02:00:00:00:00:79', sandbox: made.pod.path });
        ips.push({ address: '10.7.7.7/24', interface: interfaces.length - 1 });
      });
      expect(await findings(world, it)).to.deep.equal([]);
    });

    it('the MTU of bridge and host end, if it has them', async () => {
      const made = await attached(world, { cniVersion: '1.1.0' });
      const it = changedBy(made, ({ interfaces }) => {
        for (const end of interfaces) end.mtu = 1400;
      });
      expect(await findings(world, it)).to.deep.equal([
        about(made, 'HOSTEND on the host has MTU 1500, expected 1400'),
        'eth0 in the pod has MTU 1500, expected 1400',
        'br0 on the host has MTU 1500, expected 1400',
      ]);
    });
  });

  it('passes for a pod on layer 2, and finds what is wrong with it', async () => {
    const it = await attached(world, { ipam: {}, isDefaultGateway: false });
    expect(await findings(world, it)).to.deep.equal([]);
    await runIp(world, 'link set eth0 down', it.pod);
    expect(await findings(world, it)).to.deep.equal(['eth0 in the pod is down']);
  });

  it('leaves the inside of the pod to others where disableContainerInterface says so', async () => {
    const it = await attached(world, { ipam: {}, isDefaultGateway: false, disableContainerInterface: true });
    await runIp(world, 'link set eth0 up', it.pod);
    expect(await findings(world, it)).to.deep.equal([]);
    await runIp(world, 'link set eth0 down', it.pod);
    expect(await findings(world, it)).to.deep.equal([]);
    await runIp(world, about(it, 'link set HOSTEND nomaster'));
    expect(await findings(world, it)).to.deep.equal([about(it, 'HOSTEND on the host is not a port of br0')]);
  });

  for (const cniVersion of ['0.4.0', '1.0.0']) {
    it(`and the reference's agree on each other's pods, with version ${cniVersion}`, async () => {
      const theirs = await attached(world, { cniVersion }, referencePlugins);
      expect(await findings(world, theirs)).to.deep.equal([]);
      await runIp(world, 'route delete 192.0.2.0/24', theirs.pod);
      expect(await findings(world, theirs)).to.deep.equal([noRoute]);
      const networks = { name: 'net2', bridge: 'br2' };
      const ipam = { type: 'host-local', ranges: [[{ subnet: '10.2.0.0/24' }]] };
      const { check } = await attached(world, { cniVersion, ...networks, ipam });
      await succeed(world, 'bridge', { ...check, plugins: referencePlugins });
    });
  }
});
