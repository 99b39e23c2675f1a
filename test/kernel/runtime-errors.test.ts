import { mkdirSync, rmSync } from 'node:fs';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bridgeNetwork } from '../support/network';
import { configurations, configure, containerIdOf, failed, trestle } from '../support/trestle';
import { createWorld, type World } from '../support/world';

/** Calls that cannot be understood, and what is said of them. */
const misunderstood = {
  add: 'add: NETWORK is missing; see trestle add --help',
  'add net': 'add: NETNS is missing; see trestle add --help',
  'add net blue red': 'add: unexpected "red"; see trestle add --help',
  'del net blue --al': "del: unknown option '--al'; see trestle del --help",
  'check net blue --trace=yes': "check: option '--trace' does not take an argument; see trestle check --help",
  'gc net other': 'gc: unexpected "other"; see trestle gc --help',
  'gc net --valid a': 'gc: --valid: expected ID/IFNAME, found "a"; see trestle gc --help',
  'gc net --valid /eth0': 'gc: --valid: expected ID/IFNAME, found "/eth0"; see trestle gc --help',
  'gc net --valid a/b/c': 'gc: --valid: expected ID/IFNAME, found "a/b/c"; see trestle gc --help',
  'status net blue': 'status: unexpected "blue"; see trestle status --help',
  'ad net blue': 'no command "ad"; see trestle help',
};

/** Environments with which nothing is done. */
const environments: [env: Record<string, string>, told: string][] = [
  [{ CAP_ARGS: '[]' }, 'CAP_ARGS: expected an object'],
  [{ CAP_ARGS: 'null' }, 'CAP_ARGS: expected an object'],
  [{ CAP_ARGS: '{"ips"' }, "CAP_ARGS: Expected ':' after property name in JSON at position 6"],
  [{ CNI_ARGS: 'A' }, 'ARGS: invalid pair "A"'],
  [{ CNI_ARGS: 'A=1;' }, 'ARGS: invalid pair ""'],
  [{ CNI_IFNAME: 'a/b' }, 'CNI_IFNAME: interface name contains / or : or whitespace'],
  [{ CNI_IFNAME: 'sixteen-letters-' }, 'CNI_IFNAME: interface name is too long'],
  [{ NETCONFPATH: '/run/none' }, 'no network configuration in /run/none'],
  [{ NETCONFPATH: '/proc/self/status' }, 'cannot read /proc/self/status: ENOTDIR: not a directory'],
];

describe('A call of trestle that cannot be served', () => {
  let world: World;

  before(async () => {
    world = await createWorld();
    await world.addPod('blue');
    configure(world, '10-net.conflist', { cniVersion: '1.0.0', name: 'net', plugins: [bridgeNetwork()] });
    configure(world, '20-other.conf', { cniVersion: '1.0.0', name: 'other', type: 'bridge' });
  });

  after(() => world.close());

  it('because it cannot be understood ends with 2, and says where help is', async () => {
    const before = await world.snapshot();
    for (const [line, told] of Object.entries(misunderstood)) {
      expect(await failed(world, line), line).to.deep.equal({ code: 2, stderr: `trestle: ${told}\n` });
    }
    expectUnchanged(before, await world.snapshot());
  });

  it('because of its environment ends with 1, and says which variable', async () => {
    for (const [env, told] of environments) {
      const { code, stderr } = await failed(world, 'add net blue', env);
      const said = stderr.split('\n');
      expect({ code, said: said[0]?.slice(0, told.length + 9) }).to.deep.equal({ code: 1, said: `trestle: ${told}` });
      expect(said).to.have.length(2);
    }
    expect(await world.ip('link show', { path: '/run/netns/blue' })).to.have.length(1);
  });

  it('because there is no such network says which there are', async () => {
    const told = `trestle: no network "nett" in ${configurations}: there is "net", "other"\n`;
    for (const line of ['add nett blue', 'check nett blue', 'del nett blue', 'gc nett', 'status nett']) {
      expect(await failed(world, line), line).to.deep.equal({ code: 1, stderr: told });
    }
  });

  it('because the namespace is not there says so, and leaves nothing', async () => {
    for (const [operand, path] of [
      ['green', '/run/netns/green'],
      ['/run/none', '/run/none'],
      ['4194304', '/proc/4194304/ns/net'],
    ]) {
      const { code, stderr } = await failed(world, `add net ${operand}`);
      expect(code).to.equal(1);
      expect(stderr).to.include('trestle: plugin type="bridge" failed (add): ').and.to.include(path);
    }
    expect(await world.ip('link show master br0').catch(() => [])).to.deep.equal([]);
  });

  it('because the attachment is there says so, and leaves that as it is', async () => {
    expect(await trestle(world, 'add net blue')).to.have.property('code', 0);
    const before = await world.snapshot();
    const { code, stderr } = await failed(world, 'add net blue');
    expect({ code, stderr }).to.deep.equal({
      code: 1,
      stderr: `trestle: plugin type="bridge" failed (add): container ${containerIdOf('/run/netns/blue')} is already attached to network "net" as "eth0"; added for /run/netns/blue; DEL it first\n`,
    });
    expectUnchanged(before, await world.snapshot());
    expect(await trestle(world, 'check net blue')).to.include({ code: 0, stderr: '' });
    expect(await trestle(world, 'del net blue')).to.include({ code: 0, stderr: '' });
  });

  it('because the folder is empty says so', async () => {
    rmSync(world.path(configurations), { recursive: true });
    mkdirSync(world.path(configurations));
    expect(await failed(world, 'add net blue')).to.deep.equal({
      code: 1,
      stderr: `trestle: no network configuration in ${configurations}\n`,
    });
  });
});
