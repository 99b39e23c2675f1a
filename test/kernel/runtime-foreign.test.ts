import { symlinkSync } from 'node:fs';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { sharedObjects } from '../support/leftovers';
import { bridgeNetwork, hostEndOf, ipsOf, ranges } from '../support/network';
import type { Outside } from '../support/outside';
import type { Pod } from '../support/peers';
import { installedPlugins, referencePlugins } from '../support/plugins';
import type { Snapshot } from '../support/snapshot';
import { added, configure, done, failed, trestle } from '../support/trestle';
import { createWorld, type World } from '../support/world';

const { cniVersion, name, ...bridge } = bridgeNetwork({ ipMasq: true });

/** Those in the middle are Debian's: Trestle has none of these yet. */
const plugins = [
  { ...bridge, ipam: { type: 'host-local', ranges: [ranges.ipv4, ranges.ipv6] } },
  { type: 'tuning', mtu: 1400, sysctl: { 'net.core.somaxconn': '321' } },
  { type: 'firewall', backend: 'iptables' },
  { type: 'bandwidth', ingressRate: 100_000_000, ingressBurst: 100_000_000 },
  { type: 'portmap', capabilities: { portMappings: true } },
];

/** Where CNI_PATH finds the bridge, and host-local and portmap. */
const paths = {
  "Debian's plugins alone": referencePlugins,
  "our bridge and portmap, and Debian's between them": `${installedPlugins}:${referencePlugins}`,
  "Debian's bridge with our host-local and portmap": `/run/foreign:${installedPlugins}:${referencePlugins}`,
};

for (const [title, CNI_PATH] of Object.entries(paths)) {
  describe(`A chain of ${title}`, () => {
    let world: World;
    let blue: Pod;
    let outside: Outside;
    let clean: Snapshot;
    // biome-ignore lint/suspicious/noExplicitAny: tests look into it as they like
    let result: any;
    const env = { CNI_PATH };
    const hasOurs = CNI_PATH.includes(installedPlugins);
    const CAP_ARGS = JSON.stringify({ portMappings: [{ hostPort: 8080, containerPort: 7, protocol: 'tcp' }] });
    const add = () => added(world, 'net blue', { ...env, CAP_ARGS });

    before(async () => {
      world = await createWorld();
      blue = await world.addPod('blue');
      outside = await world.addOutside();
      configure(world, 'net.conflist', { cniVersion, name, plugins });
      await world.run('mkdir', ['/run/foreign']);
      symlinkSync(`${referencePlugins}/bridge`, world.path('/run/foreign/bridge'));
      await add();
      await done(world, 'del net blue', env);
      clean = await world.snapshot();
      result = await add();
    });

    after(() => world.close());

    it('does what each of them is for', async () => {
      const [ip = ''] = ipsOf(result);
      expect(await world.ping(blue, outside.ips[0] ?? '')).to.equal(true);
      const [eth0] = await world.ip('link show dev eth0', blue);
      expect(eth0.mtu).to.equal(1400);
      expect((await world.run('cat', ['/proc/sys/net/core/somaxconn'], { in: blue })).stdout).to.equal('321\n');
      const peer = await world.echo(blue, ip);
      const asked = { address: outside.hostIps[0] ?? '', port: 8080 };
      expect(await world.sourceSeenBy(asked, outside)).to.equal(outside.ips[0]);
      peer.process.kill();
      expect((await world.run('iptables', ['-S', 'CNI-FORWARD'])).stdout).to.include(`-s ${ip}/32 -j ACCEPT`);
      expect((await world.run('tc', ['qdisc', 'show', 'dev', hostEndOf(result)])).stdout).to.include('tbf');
    });

    it('is checked in order, up to the first that finds something wrong', async () => {
      const firstComplaint = async () => {
        const { code, stderr } = await failed(world, 'check net blue', env);
        expect(code, stderr).to.equal(1);
        return stderr;
      };
      // Of version 1.1.1, which looks for the rules of IPv4 with ip6tables: all before it have passed.
      if (hasOurs) await done(world, 'check net blue', env);
      else expect(await firstComplaint()).to.match(/^trestle: plugin type="portmap" failed \(check\): could not check/);
      await world.run('iptables', ['-D', 'CNI-FORWARD', '-s', `${ipsOf(result)[0]}/32`, '-j', 'ACCEPT']);
      expect(await firstComplaint()).to.match(/^trestle: plugin type="firewall" failed \(check\): ./);
      await world.ip('link set eth0 mtu 1300', blue);
      expect(await firstComplaint()).to.match(/^trestle: plugin type="tuning" failed \(check\): .*MTU/i);
    });

    it('is undone by del', async () => {
      const { stdout, stderr, code } = await trestle(world, 'del net blue --trace', env);
      expect({ stdout, code }).to.deep.equal({ stdout: '', code: 0 });
      const execs = [...stderr.matchAll(/^DEL (\S+) eth0 {2}exec {2}(\S+) DEL {2}exit status 0/gm)].map(
        ([, type]) => type,
      );
      expect(execs).to.deep.equal([
        ...(hasOurs ? [] : ['portmap']),
        ...['bandwidth', 'firewall', 'tuning'],
        ...(CNI_PATH.startsWith(installedPlugins) ? [] : ['bridge']),
      ]);
      await done(world, 'del net blue', env);
      expectUnchanged(clean, await world.snapshot(), { allow: sharedObjects('br0') });
    });
  });
}
