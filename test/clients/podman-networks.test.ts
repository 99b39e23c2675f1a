import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { addScript } from '../support/network';
import { referencePlugins } from '../support/plugins';
import type { Snapshot } from '../support/snapshot';
import { image } from './support/image';
import { createPodman, type Podman } from './support/podman';
import { describeWith } from './support/programs';

describeWith(['podman', 'conmon', 'runc', 'iptables', 'busybox'], 'podman, asked for more than a network', () => {
  let podman: Podman;
  let empty: Snapshot;

  before(async () => {
    podman = await createPodman();
    empty = await podman.snapshot();
    await podman.do('network', 'create', '--subnet', '10.7.0.0/24', 'one');
    await podman.do('network', 'create', '--ipv6', '--subnet', '10.8.0.0/24', '--subnet', 'fd00:8::/64', 'two');
  });
  after(() => podman.machine.close());

  /** What a shell in a container prints; it must succeed. */
  const said = async (name: string, script: string) => {
    const { code, stdout, stderr } = await podman.exec(name, 'sh', '-c', script);
    expect({ code, stderr }, `${script}: ${stdout}`).to.deep.equal({ code: 0, stderr: '' });
    return stdout;
  };
  const pings = (name: string, ...addresses: string[]) =>
    said(name, addresses.map((address) => `ping -c 1 -W 5 ${address}`).join(' && '));
  /** What podman says about a container that cannot be started. */
  const refused = (...options: string[]) =>
    podman.refusal('run', '--name', 'refused', '--cgroup-parent', podman.machine.cgroup, ...options, image);

  it('gives a container the address and the MAC that it asks for', async () => {
    await podman.start('static', '--network', 'one', '--ip', '10.7.0.77', '--mac-address', '02:11:22:33:44:55');
    expect(await podman.endpoint('static')).to.include({
      IPAddress: '10.7.0.77',
      Gateway: '10.7.0.1',
      MacAddress: '02:11:22:33:44:55',
    });
    expect(await said('static', 'cat /sys/class/net/eth0/address')).to.equal('02:11:22:33:44:55\n');
    expect(await said('static', 'ip -4 -oneline address show dev eth0')).to.include(' 10.7.0.77/24 ');
  });

  it('tells that an address is taken, and leaves nothing of who wanted it', async () => {
    const before = await podman.snapshot();
    expect(await refused('--network', 'one', '--ip', '10.7.0.77')).to.include(
      'requested IP address 10.7.0.77 is not available',
    );
    await podman.remove('refused');
    expectUnchanged(before, await podman.snapshot());
  });

  it('attaches a container to two networks, in one of them with an address of each family and a MAC', async () => {
    await podman.start('both', '--network', 'one', '--network', 'two:ip=10.8.0.9,ip=fd00:8::9,mac=02:11:22:33:44:66');
    const { one, two } = await podman.endpoints('both');
    expect(one).to.include({ Gateway: '10.7.0.1', GlobalIPv6Address: '' });
    expect(two).to.include({ IPAddress: '10.8.0.9', GlobalIPv6Address: 'fd00:8::9', MacAddress: '02:11:22:33:44:66' });
    await pings('both', '10.7.0.77', '10.7.0.1', '10.8.0.1', 'fd00:8::1');
  });

  it('connects a running container to a second network, and disconnects it from the first', async () => {
    await podman.do('network', 'connect', 'two', 'static');
    await pings('static', '10.8.0.9', 'fd00:8::9', '10.7.0.1');
    await podman.do('network', 'disconnect', 'one', 'static');
    expect(Object.keys(await podman.endpoints('static'))).to.deep.equal(['two']);
    expect(await said('static', 'ls /sys/class/net')).to.equal('eth1\nlo\n');
    await pings('static', '10.8.0.9', 'fd00:8::9');
  });

  it('keeps the containers of an internal network among themselves', async () => {
    await podman.do('network', 'create', '--internal', '--subnet', '10.9.0.0/24', 'three');
    await podman.start('inner', '--network', 'three');
    await podman.do('network', 'connect', '--ip', '10.9.0.50', 'three', 'both');
    await pings('inner', '10.9.0.50');
    expect(await said('inner', 'ip route')).to.match(/^10\.9\.0\.0\/24 dev eth0 .*\n$/);
  });

  it('attaches a container that names no network to the one that podman always has', async () => {
    await podman.start('plain');
    await pings('plain', (await podman.endpoint('plain')).Gateway);
  });

  it('leaves nothing of networks that are removed with their containers in them', async () => {
    await podman.do('network', 'rm', '--force', '--time', '0', 'one', 'two', 'three');
    await podman.remove('plain');
    await podman.expectNothingLeft(empty);
  });

  it("undoes what ours did when a plugin of Debian's fails", async () => {
    await podman.do('network', 'create', '--subnet', '10.7.0.0/24', 'one');
    await podman.start('first', '--network', 'one');
    await podman.remove('first');
    const before = await podman.snapshot();
    const failing = `[ "$CNI_COMMAND" = ADD ] || exec ${referencePlugins}/tuning
      echo '{"cniVersion":"0.4.0","code":11,"msg":"not today"}'; exit 1`;
    addScript(podman.machine.world, '/opt/cni/bin/tuning', failing);
    expect(await refused('--network', 'one')).to.include('cni plugin tuning failed: not today');
    await podman.remove('refused');
    await podman.expectNothingLeft(before, [firewallOfFailed]);
  });
});

/* An ADD that fails leaves no result for DEL, and without one Debian's firewall does not know what to remove. */
const firewallOfFailed = /^namespaces host nft: added rule .*"chain":"CNI-FORWARD".*"right":"10\.7\.0\.\d+"/;
