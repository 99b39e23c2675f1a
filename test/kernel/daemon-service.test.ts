import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Daemon, daemonSocket, startDaemon } from '../support/daemon';
import { bridgeNetwork, succeed } from '../support/network';
import { enter } from '../support/peers';
import { PATH } from '../support/run';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork();

/** What systemd hears: a line per datagram, until a line "STOPPING=1" has come. */
const listener = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
s.bind('\\0' + name[1:] if name.startswith('@') else name)
print('listening', flush=True)
said = ''
while said != 'STOPPING=1':
    said = s.recv(4096).decode()
    print(said, flush=True)
`;

/** What systemd does for a socket unit: it listens, and passes the socket as descriptor 3 to what it executes. */
const activator = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
`;

describe('A daemon that systemd starts', () => {
  let world: World;
  beforeEach(async () => {
    world = await createWorld();
    mkdirSync(world.path('/run/trestle'), { mode: 0o700 });
  });
  afterEach(() => world.close());

  /** Starts it as systemd does, `by` a program that executes it at last. */
  async function activated(env: Readonly<Record<string, string>>, by: readonly string[] = []) {
    const command = [...by, join(world.plugins, 'trestle'), 'daemon'];
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'nsenter', ...enter(world.keeper), ...command], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH, ...env },
    });
    let said = '';
    child.stdout.on('data', (lines) => {
      said += lines;
    });
    await once(child.stdout, 'data');
    return { child, said: () => said };
  }

  it('serves on the socket that it is passed, and leaves that to systemd at its end', async () => {
    const { child, said } = await activated({}, ['python3', '-c', activator, daemonSocket]);
    expect(JSON.parse(said().split('\n')[0] ?? '')).to.include({ msg: 'serving', fd: 3 });
    await succeed(world, 'bridge', { netns: await world.addPod(), config });
    const { stdout } = await world.run(join(world.plugins, 'trestle'), ['daemon', 'status', '--json']);
    expect(JSON.parse(stdout)).to.include({ claimed: 1 });
    child.kill('SIGTERM');
    expect((await once(child, 'exit'))[0]).to.equal(0);
    expect(existsSync(world.path(daemonSocket))).to.equal(true);
  });

  for (const address of ['/run/notify', '@trestle-notify']) {
    it(`tells it by ${address} when it is ready, that it lives, and when it ends`, async () => {
      const ear = spawn('nsenter', [...enter(world.keeper), 'python3', '-c', listener, address], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { PATH },
      });
      const heard: string[] = [];
      const closed = once(ear, 'close');
      const [first] = await once(ear.stdout, 'data');
      expect(String(first)).to.equal('listening\n');
      ear.stdout.on('data', (lines) => heard.push(...String(lines).trim().split('\n')));
      const { child } = await activated({ NOTIFY_SOCKET: address, WATCHDOG_USEC: '100000' });
      while (heard.length < 4) await once(ear.stdout, 'data');
      child.kill('SIGTERM');
      expect((await once(child, 'exit'))[0]).to.equal(0);
      await closed;
      expect(heard.slice(0, 4)).to.deep.equal(['READY=1', 'WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1']);
      expect(heard.at(-1)).to.equal('STOPPING=1');
    });
  }

  it('goes on when nobody can be told, and says so', async () => {
    const { child, said } = await activated({ NOTIFY_SOCKET: '/run/nobody' });
    await succeed(world, 'bridge', { netns: await world.addPod(), config });
    child.kill('SIGTERM');
    expect((await once(child, 'close'))[0]).to.equal(0);
    expect(said()).to.include('notify /run/nobody: ENOENT (No such file or directory)');
  });
});

describe('What a daemon tells of itself', () => {
  let world: World;
  let daemon: Daemon;
  const trestle = (...args: string[]) => world.run(join(world.plugins, 'trestle'), args);
  const port = 9187;

  before(async () => {
    world = await createWorld();
    await world.ip('link set lo up');
    daemon = await startDaemon(world.keeper, world.plugins, { args: ['--metrics', `127.0.0.1:${port}`] });
    const netns = await world.addPod();
    const args = 'IgnoreUnknown=1;K8S_POD_NAMESPACE=kube-system;K8S_POD_NAME=dns-1';
    await succeed(world, 'bridge', { netns, config, args, containerId: 'c1' });
    expect((await world.cni('bridge', { netns, config, args, containerId: 'c1' })).json.code).to.equal(100);
    await succeed(world, 'bridge', { command: 'DEL', netns, config, containerId: 'c1' });
    await world.cni('bridge', { netns, config: { ...config, ipam: { type: 'dhcp' } } });
  });
  after(async () => {
    await daemon.end();
    await world.close();
  });

  it('is a report with requests, times, reasons and the latest errors', async () => {
    const { stdout, code } = await trestle('daemon', 'status', '--json');
    const report = JSON.parse(stdout);
    expect(code).to.equal(0);
    expect(report).to.deep.include({
      claimed: 3,
      declined: { delegate: 1 },
      unserved: {},
      refused: 0,
      running: 0,
      waiting: 0,
    });
    expect(report.build).to.match(/^\d+\.\d+\.\d+-[0-9a-f]{12}$/);
    expect(
      report.requests.map(({ command, plugin, count, failed }: Record<string, unknown>) => [
        command,
        plugin,
        count,
        failed,
      ]),
    ).to.deep.equal([
      ['ADD', 'bridge', 2, 1],
      ['DEL', 'bridge', 1, 0],
    ]);
    for (const { p50, p90, p99 } of report.requests) expect(p50).to.be.above(0).and.at.most(p90).and.at.most(p99);
    expect(report.failures).to.have.length(1);
    expect(report.failures[0]).to.include({
      container: 'c1',
      pod: 'kube-system/dns-1',
      command: 'ADD',
      plugin: 'bridge',
      code: 100,
    });
    expect(report.uptime).to.be.above(0);
    expect(report.rss)
      .to.be.above(10 << 20)
      .and.below(300 << 20);
    expect(report.threads).to.be.above(1);
    expect(report.descriptors).to.be.above(5);
  });

  it('is the same in words', async () => {
    const { stdout } = await trestle('daemon', 'status', '--collect');
    expect(stdout).to.match(/^build [\d.]+-[0-9a-f]{12}, up for \d+ s, \d+ MiB, \d+ threads, \d+ descriptors$/m);
    expect(stdout).to.include('requests: 3 claimed (0 by recipe), 0 running, 0 waiting\n');
    expect(stdout).to.include('declined: 1 delegate\n');
    expect(stdout).to.match(/^ADD bridge +2 +1 +[\d.]+ +[\d.]+ +[\d.]+$/m);
    expect(stdout).to.match(/ADD bridge c1 kube-system\/dns-1: container c1 is already attached/);
  });

  it("is the same in Prometheus' text, at /metrics and nowhere else", async () => {
    const ask =
      "fetch(process.argv[1], { method: process.argv[2] }).then(async (answer) => console.log(answer.status, answer.headers.get('content-type'), await answer.text()))";
    const get = async (path: string, method = 'GET') =>
      (await world.run(process.execPath, ['-e', ask, `http://127.0.0.1:${port}${path}`, method])).stdout;
    const text = await get('/metrics');
    expect(text).to.match(/^200 text\/plain; version=0\.0\.4/);
    expect(text).to.include('\ntrestle_declined_total{reason="delegate"} 1\n');
    expect(text).to.include('\ntrestle_request_seconds_count{command="ADD",plugin="bridge"} 2\n');
    expect(await get('/')).to.match(/^404 /);
    expect(await get('/metrics', 'POST')).to.match(/^405 /);
  });

  it('is a line per request in its log', () => {
    const lines = daemon.log.filter(({ msg }) => msg === 'request');
    expect(lines).to.have.length(3);
    expect(lines[0]).to.deep.include({
      command: 'ADD',
      plugin: 'bridge',
      container: 'c1',
      ifname: 'eth0',
      pod: 'kube-system/dns-1',
      outcome: 'done',
    });
    expect(lines[0]).to.have.property('steps').that.is.above(5);
    expect(lines[0]).to.have.property('ms').that.is.above(0);
    expect(lines[1]).to.include({ command: 'ADD', code: 100 });
    expect(daemon.log.filter(({ msg }) => msg === 'declined')[0]).to.include({ command: 'ADD', reason: 'delegate' });
  });

  it('is that nobody answers, where there is none', async () => {
    const { code, stderr } = await trestle('daemon', 'status', '--socket', '/run/nobody.sock');
    expect([code, stderr]).to.deep.equal([
      1,
      'trestle: no daemon answers on /run/nobody.sock: connect ENOENT /run/nobody.sock\n',
    ]);
  });

  it('is what it cannot do, when it is called wrongly', async () => {
    const wrong: [string[], number, RegExp][] = [
      [['daemon', 'stop'], 2, /daemon: unexpected "stop"/],
      [['daemon', '--metrics', '9090'], 2, /--metrics: expected ADDRESS:PORT, found "9090"/],
      [['daemon', '--log-level', 'loud'], 2, /--log-level: expected one of debug, .*, found "loud"/],
      [
        ['daemon', '--socket', '/run/other.sock', '--metrics', '192.0.2.1:9'],
        1,
        /--metrics 192\.0\.2\.1:9: .*EADDRNOTAVAIL/,
      ],
      [['daemon'], 1, /^trestle: daemon: another daemon serves \/run\/trestle\/daemon\.sock$/m],
    ];
    for (const [args, status, text] of wrong) {
      const { code, stderr } = await trestle(...args);
      expect(stderr).to.match(text);
      expect(code, stderr).to.equal(status);
    }
    rmSync(world.path('/run/other.sock.lock'), { force: true });
  });
});
