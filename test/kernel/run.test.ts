import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { netnsNames } from '../support/keeper';
import { addScript } from '../support/network';
import { addStaged, forgetStages, leftByRuns, runEnvironment, runToEnd, stages } from '../support/running';
import type { Snapshot } from '../support/snapshot';
import { configurations, configure, trestle } from '../support/trestle';
import { createWorld, type World } from '../support/world';

/** The two files of "A workflow for writing CNI plugins". */
const mynet = {
  cniVersion: '0.2.0',
  name: 'mynet',
  type: 'bridge',
  bridge: 'cni0',
  isGateway: true,
  ipMasq: true,
  ipam: { type: 'host-local', subnet: '10.22.0.0/16', routes: [{ dst: '0.0.0.0/0' }] },
};
const loopback = { cniVersion: '0.2.0', type: 'loopback' };

describe('trestle run', () => {
  let world: World;
  let clean: Snapshot;

  before(async () => {
    world = await createWorld();
    configure(world, '10-mynet.conf', mynet);
    configure(world, '99-loopback.conf', loopback);
    addStaged(world);
    // The bridge and the rules of all pods are there from now on.
    expect((await run('true')).code).to.equal(0);
    clean = await world.snapshot();
  });
  afterEach(async () => expectUnchanged(clean, await world.snapshot(), { allow: leftByRuns }));
  after(() => world.close());

  const run = (...command: string[]) => runToEnd(world, ['--', ...command]);
  const shell = (script: string) => run('sh', '-c', script);

  /** Runs with these networks instead of the tutorial's. */
  async function withNetworks<T>(files: Record<string, object | string>, work: (env: Record<string, string>) => T) {
    const names = Object.keys(files).map((name) => `others/${name}`);
    for (const [name, content] of Object.entries(files)) configure(world, `others/${name}`, content);
    forgetStages(world);
    const answer = await work({ NETCONFPATH: `${configurations}/others` });
    for (const name of names) rmSync(world.path(`${configurations}/${name}`));
    return answer;
  }
  const staged = (name: string, cniVersion = '1.0.0') => ({ cniVersion, name, type: 'staged' });

  it("shows the tutorial's reader an address, and the way out", async () => {
    const { code, stdout, stderr } = await run('ip', '-json', 'addr');
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    const links = JSON.parse(stdout) as { ifname: string; flags: string[]; addr_info: { local: string }[] }[];
    expect(links.map(({ ifname }) => ifname)).to.deep.equal(['lo', 'eth0']);
    for (const { flags } of links) expect(flags).to.include('UP');
    expect(links[0]?.addr_info[0]).to.include({ local: '127.0.0.1', prefixlen: 8 });
    expect(links[1]?.addr_info[0]?.local).to.match(/^10\.22\.\d+\.\d+$/);
    expect(links[1]?.addr_info[0]).to.include({ prefixlen: 16 });
    expect((await run('ping', '-c', '1', '-W', '3', '10.22.0.1')).code).to.equal(0);
  });

  it("shows how the tutorial's first plugin is called", async () => {
    addScript(
      world,
      '/run/bin/dummy',
      `exec >&2
echo "CNI method: $CNI_COMMAND"
echo "CNI container id: $CNI_CONTAINERID"
echo '-------------- Begin config'
while read -r line; do echo "$line"; done
echo '-------------- End config'`,
    );
    const { code, stderr } = await withNetworks({ '10-dummy.conf': { name: 'dummy', type: 'dummy' } }, (env) =>
      runToEnd(world, ['--', 'sh', '-c', 'echo in between >&2'], { env }),
    );
    expect(code, stderr).to.equal(0);
    expect(stderr.replace(/cnitool-[0-9a-f]{20}/g, 'ID').split('\n')).to.deep.equal([
      'CNI method: ADD',
      'CNI container id: ID',
      '-------------- Begin config',
      '{',
      '"type": "dummy",',
      '"name": "dummy"',
      '}',
      '-------------- End config',
      'trestle: plugin "dummy" has printed no result; going on without',
      'in between',
      'CNI method: DEL',
      'CNI container id: ID',
      '-------------- Begin config',
      '{',
      '"type": "dummy",',
      '"name": "dummy"',
      '}',
      '-------------- End config',
      '',
    ]);
  });

  for (const [script, status] of [
    ['exit 0', 0],
    ['exit 7', 7],
    ['exit 255', 255],
    ['kill -TERM $$', 143],
    ['kill -KILL $$', 137],
  ] as const) {
    it(`ends as its command does: ${script}`, async () => {
      const { code, signal, stderr } = await shell(script);
      expect({ code, signal, stderr }).to.deep.equal({ code: status, signal: null, stderr: '' });
    });
  }

  it('says that there is no such command, or that it cannot be executed', async () => {
    const missing = await run('no-such-command');
    expect(missing.code).to.equal(127);
    expect(missing.stderr).to.equal('trestle: run no-such-command: ENOENT (No such file or directory)\n');
    const other = await run('/proc');
    expect(other.code).to.equal(126);
    expect(other.stderr).to.equal('trestle: run /proc: EACCES (Permission denied)\n');
  });

  it('gives the command its input, its environment, its working folder and its arguments as they are', async () => {
    const script = 'printf "%s|" "$@" "$GREETING" "$NODE_OPTIONS" "$LD_LIBRARY_PATH" "$PWD"; cat';
    const { stdout } = await runToEnd(world, ['--', 'sh', '-c', script, '-', '--keep', 'a  b', ''], {
      env: { GREETING: 'good day', NODE_OPTIONS: '--no-warnings', LD_LIBRARY_PATH: '/nosuch' },
      input: 'from outside',
    });
    expect(stdout).to.equal('--keep|a  b||good day|--no-warnings|/nosuch|/|from outside');
  });

  it("attaches in the order of the files' names, and detaches in reverse", async () => {
    const files = { '20-b.conf': staged('b'), '10-a.conflist': { ...staged('a'), plugins: [staged('a')] } };
    const { code } = await withNetworks({ ...files, '05-lo.conf': loopback, '30-c.conf': staged('c') }, (env) =>
      runToEnd(world, ['--', 'sh', '-c', 'echo command >>/run/stages; ip link show up dev lo'], { env }),
    );
    expect(code).to.equal(0);
    expect(stages(world)).to.deep.equal([
      ...['begin ADD eth0', 'end ADD eth0', 'begin ADD eth1', 'end ADD eth1', 'begin ADD eth2', 'end ADD eth2'],
      'command',
      ...['begin DEL eth2', 'end DEL eth2', 'begin DEL eth1', 'end DEL eth1', 'begin DEL eth0', 'end DEL eth0'],
    ]);
  });

  it('attaches to the networks that it is told, in that order', async () => {
    const files = { '10-a.conf': staged('a'), '20-b.conf': staged('b', '0.4.0') };
    const { code, stderr } = await withNetworks(files, (env) =>
      runToEnd(world, ['--network', 'b', '--network', 'a', '--json', '--', 'true'], { env }),
    );
    expect(code).to.equal(0);
    const { netns, attachments } = JSON.parse(stderr);
    expect(netns).to.match(/^\/run\/netns\/trestle-[a-z2-7]{12}$/);
    expect(attachments.map(({ network, ifname, result }: never) => [network, ifname, result])).to.deep.equal([
      ['b', 'eth0', { cniVersion: '0.4.0', ips: [{ address: '10.9.0.2/24', version: '4' }], dns: {} }],
      ['a', 'eth1', { cniVersion: '1.0.0', ips: [{ address: '10.9.0.2/24' }] }],
    ]);
  });

  it('runs nothing where there is no such network, or none at all', async () => {
    const other = await runToEnd(world, ['--network', 'other', '--', 'echo', 'no']);
    expect([other.code, other.stdout, other.stderr]).to.deep.equal([
      1,
      '',
      `trestle: no network "other" in ${configurations}: there is "mynet"\n`,
    ]);
    const none = await runToEnd(world, ['--', 'echo', 'no'], { env: { NETCONFPATH: '/run/nosuch' } });
    expect([none.code, none.stderr]).to.deep.equal([1, 'trestle: no network configuration in /run/nosuch\n']);
  });

  it('runs nothing where it cannot attach, and detaches what it had attached', async () => {
    addScript(
      world,
      '/run/bin/broken',
      `echo "$CNI_COMMAND broken" >>/run/stages; echo '{"code": 100, "msg": "out of order"}'; [ "$CNI_COMMAND" != ADD ]`,
    );
    const files = { '10-a.conf': staged('a'), '20-b.conf': { ...staged('b'), type: 'broken' } };
    const { code, stdout, stderr } = await withNetworks(files, (env) => runToEnd(world, ['--', 'echo', 'no'], { env }));
    expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
    expect(stderr).to.equal('trestle: plugin type="broken" failed (add): out of order\n');
    expect(stages(world)).to.deep.equal([
      ...['begin ADD eth0', 'end ADD eth0', 'ADD broken'],
      ...['DEL broken', 'begin DEL eth0', 'end DEL eth0'],
    ]);
  });

  it('goes on detaching where one network cannot be, and the next run tries that again', async () => {
    addScript(
      world,
      '/run/bin/stuck',
      `[ "$CNI_COMMAND" = ADD ] && echo '{"cniVersion": "1.0.0"}' || ! [ -e /run/stuck ]`,
    );
    writeFileSync(world.path('/run/stuck'), '');
    const files = { '10-a.conf': staged('a'), '20-b.conf': { ...staged('b'), type: 'stuck' } };
    const { code, stderr } = await withNetworks(files, (env) => runToEnd(world, ['--', 'sh', '-c', 'exit 3'], { env }));
    expect(code, "still the command's").to.equal(3);
    const [netns = ''] = netnsNames(world.keeper);
    expect(stderr.split('\n')).to.deep.equal([
      `trestle: /run/netns/${netns} is still attached to network "b": plugin type="stuck" failed (delete): netplugin failed with no error message: exit status 1`,
      `trestle: the next run tries again, as long as there is /run/trestle/runs/${netns.replace('trestle-', '')}.json`,
      '',
    ]);
    expect(stages(world)).to.include('end DEL eth0');
    rmSync(world.path('/run/stuck'));
    forgetStages(world);
    expect((await run('true')).stderr).to.equal('');
    expect(stages(world), 'what was detached is not detached again').to.deep.equal([]);
  });

  it('keeps the namespace where it is asked to, and says how to go on', async () => {
    const other = { cniVersion: '1.0.0', name: 'other', type: 'bridge', bridge: 'cni0' };
    const { stderr, code } = await withNetworks({ '10-mynet.conf': mynet, '20-other.conf': other }, async (env) => {
      const ran = await runToEnd(world, ['--keep', '--', 'true'], { env });
      const commands = ran.stderr.split('\n').filter((line) => line.startsWith('  '));
      expect((await run('true')).code, 'another run leaves it alone').to.equal(0);
      const shown = await world.run('sh', ['-c', commands[0] ?? '']);
      expect(shown.stdout).to.match(/eth0@.*inet 10\.22\..*eth1@/s);
      for (const line of commands.slice(1)) {
        const { code, stderr } = await world.run('sh', ['-ec', `PATH=${world.plugins}:$PATH; ${line}`], {
          env: { ...runEnvironment(world), ...env },
        });
        expect({ code, stderr }, line).to.deep.equal({ code: 0, stderr: '' });
      }
      return ran;
    });
    expect(code).to.equal(0);
    expect(stderr.replaceAll(/trestle-[a-z2-7]{12}/g, 'NETNS')).to.equal(`kept /run/netns/NETNS; to look into it:
  ip netns exec NETNS ip addr
to remove it:
  CNI_IFNAME=eth1 trestle del other NETNS
  CNI_IFNAME=eth0 trestle del mynet NETNS
  ip netns delete NETNS
`);
    expect(readdirSync(world.path('/run/trestle/runs'))).to.deep.equal([]);
  });

  it('tells each step with --trace, and says nothing without', async () => {
    const { stderr } = await runToEnd(world, ['--trace', '--network', 'mynet', '--', 'true']);
    expect(stderr).to.match(/^ADD bridge eth0 {2}host {2}add veth .*created/m);
    expect(stderr).to.match(/^DEL bridge eth0 {2}host {2}delete link .*deleted/m);
  });

  for (const [line, complaint] of [
    ['run', 'no command after --'],
    ['run --', 'no command after --'],
    ['run true', 'unexpected "true"'],
    ['run --nosuch -- true', "unknown option '--nosuch'"],
  ] as const) {
    it(`is not understood: ${line}`, async () => {
      const { code, stderr } = await trestle(world, line);
      expect(code).to.equal(2);
      expect(stderr).to.match(new RegExp(`^trestle: run: ${complaint}.*; see trestle run --help\n$`));
    });
  }
});
