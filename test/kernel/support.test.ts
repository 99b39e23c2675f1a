import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { enter } from '../support/peers';
import { diff } from '../support/snapshot';
import { createWorld, type World } from '../support/world';

describe('a world of its own for each test', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  /** What a snapshot says of a change, sysctls of a new link left out. */
  async function changesBy(change: () => unknown): Promise<string[]> {
    const before = await world.snapshot();
    await change();
    return diff(before, await world.snapshot()).filter((line) => !/ sysctls net\/ipv[46]\/conf\/dummy0\//.test(line));
  }

  it('is invisible to the machine', async () => {
    const pod = await world.addPod('unseen');
    writeFileSync(world.path('/var/lib/cni/unseen'), '');
    expect(existsSync(world.path(pod.path))).to.equal(true);
    expect(existsSync(pod.path)).to.equal(false);
    expect(existsSync('/var/lib/cni/unseen')).to.equal(false);
  });

  it('gives equal snapshots while nothing changes', async () => {
    await world.addPod();
    await world.addOutside();
    expectUnchanged(await world.snapshot(), await world.snapshot());
  });

  it('does not report what traffic leaves in the kernel', async () => {
    const outside = await world.addOutside();
    await world.run('nft', [
      'add table inet t; add chain inet t c { type filter hook output priority 0; }; add rule inet t c counter',
    ]);
    const before = await world.snapshot();
    expect(before.namespaces.host?.nft.join()).to.include('counter');
    expect(await world.ping('host', '192.0.2.2')).to.equal(true);
    expect(await world.ip('neigh show')).to.not.deep.equal([]);
    expectUnchanged(before, await world.snapshot());
    expect(outside.ips).to.deep.equal(['192.0.2.2', '2001:db8::2']);
  });

  it('fails with the list of what was left', async () => {
    const before = await world.snapshot();
    await world.ip('rule add from 10.9.9.9 table 99');
    const after = await world.snapshot();
    expect(() => expectUnchanged(before, after)).to.throw(/what is left/);
    expectUnchanged(before, after, { allow: [/^namespaces host rules: added .* src 10\.9\.9\.9 table 99/] });
  });

  it('reports a new link, in whatever namespace', async () => {
    const pod = await world.addPod();
    const lines = await changesBy(async () => {
      await world.ip('link add dummy0 type bridge');
      await world.ip('link add dummy0 type bridge', pod);
    });
    expect(lines.map((line) => line.split(': added')[0])).to.deep.equal([
      'namespaces host links dummy0',
      'namespaces pod1 links dummy0',
    ]);
  });

  it('reports a changed attribute of a link', async () => {
    expect(await changesBy(() => world.ip('link set lo mtu 1400'))).to.include(
      'namespaces host links lo mtu: 65536 became 1400',
    );
  });

  it('reports a new namespace', async () => {
    const [line] = await changesBy(() => world.addPod('extra'));
    expect(line).to.match(/^namespaces extra: added \{"links":\{"lo":/);
  });

  it('reports addresses and routes of both families, in any table', async () => {
    const lines = await changesBy(async () => {
      await world.ip('address add 10.9.9.9/32 dev lo');
      await world.ip('address add fd00:9::9/128 dev lo nodad');
      await world.ip('route add 10.8.0.0/16 dev lo table 77');
      await world.ip('-6 route add fd00:8::/64 dev lo table 77');
    });
    expect(lines).to.include.members([
      'namespaces host addresses: added lo 10.9.9.9/32 scope global',
      'namespaces host addresses: added lo fd00:9::9/128 scope global nodad true',
      'namespaces host routes: added unicast 10.8.0.0/16 dev lo table 77 protocol boot scope link',
      'namespaces host routes: added unicast fd00:8::/64 dev lo table 77 protocol boot scope global metric 1024 pref medium',
    ]);
  });

  it('reports permanent and proxy neighbours, and rules of both families', async () => {
    await world.addOutside();
    const lines = await changesBy(async () => {
      await world.ip('neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev to-outside nud permanent');
      await world.ip('neigh add proxy 192.0.2.8 dev to-outside');
      await world.ip('-6 rule add from fd00:9::9 table 99');
    });
    expect(lines).to.have.length(3);
    expect(lines[0]).to.match(/ rules: added .*src fd00:9::9 table 99/);
    expect(lines[1]).to.match(/ neighbours: added dst 192\.0\.2\.9 .*02:00:00:00:00:09/);
    expect(lines[2]).to.match(/ neighbours: added dst 192\.0\.2\.8/);
  });

  it('reports nftables objects, and each element of a set by itself', async () => {
    const nft = (script: string) => world.run('nft', [script]);
    await nft('add table inet t; add set inet t s { type ipv4_addr; }; add element inet t s { 10.0.0.1 }');
    const lines = await changesBy(() => nft('add element inet t s { 10.0.0.2 }; add chain inet t c'));
    expect(lines).to.have.members([
      'namespaces host nft: added element of inet t s: 10.0.0.2',
      'namespaces host nft: added chain {"family":"inet","table":"t","name":"c"}',
    ]);
  });

  it('reports sysctls', async () => {
    const lines = await changesBy(() => world.run('sysctl', ['-w', 'net.ipv4.ip_forward=1']));
    expect(lines).to.include('namespaces host sysctls net/ipv4/ip_forward: 0 became 1');
  });

  it('reports files, directories and contents of /run and /var/lib', async () => {
    writeFileSync(world.path('/run/a'), 'old');
    const lines = await changesBy(() => {
      mkdirSync(world.path('/var/lib/cni/networks'));
      writeFileSync(world.path('/run/a'), 'new');
      writeFileSync(world.path('/run/b'), '');
    });
    expect(lines).to.have.members([
      'files /run/a: old became new',
      'files /run/b: added ""',
      'files /var/lib/cni/networks/: added ""',
    ]);
  });

  it('reports processes, in whatever namespace, and the locks they hold', async () => {
    const pod = await world.addPod();
    const holder = spawn('nsenter', [...enter(world.keeper, pod), 'flock', '/run/l', 'sh', '-c', 'echo; exec cat']);
    await once(holder.stdout, 'data');
    const after = await world.snapshot();
    holder.kill('SIGKILL');
    holder.stdin.end();
    await once(holder, 'close');
    expect(after.processes).to.include.members(['cat']);
    expect(after.locks).to.deep.equal(['FLOCK WRITE /run/l']);
  });

  it('does not close in silence over a process that was left behind', async () => {
    const other = await createWorld();
    const stray = spawn('nsenter', [...enter(other.keeper), 'sh', '-c', 'echo; exec sleep 60']);
    await once(stray.stdout, 'data');
    const failure = await other.close().then(
      () => 'closed',
      (error: Error) => error.message,
    );
    expect(failure).to.match(/left running: \d+ .*sleep 60/);
    expect(existsSync(`/proc/${other.keeper.pid}`)).to.equal(false);
  });

  it('tells a test which address a peer saw', async () => {
    const outside = await world.addOutside();
    for (const [index, ip] of outside.ips.entries()) {
      const peer = await world.echo(outside, ip, 7 + index);
      expect(await world.sourceSeenBy(peer, 'host')).to.equal(outside.hostIps[index]);
      expect(await world.sourceSeenBy(peer, 'host', { protocol: 'udp' })).to.equal(outside.hostIps[index]);
    }
    const silent = { address: '192.0.2.77', port: 7 };
    expect(await world.sourceSeenBy(silent, 'host', { timeoutMs: 100 })).to.equal(null);
  });
});
