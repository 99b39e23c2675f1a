import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import {
  answerFrame,
  coldCounts,
  decoded,
  frame,
  Kind,
  type Peer,
  type Script,
  startPeer,
} from '../support/daemon-peer';
import { runtimeFolder } from '../support/launched';
import type { Pod } from '../support/peers';
import { type CniCall, cniEnvironment, cniInput, installedPlugins } from '../support/plugins';
import { createWorld, type World } from '../support/world';

const claimed = { send: frame(Kind.claimed) };

describe('the launcher with a daemon', () => {
  let world: World;
  let pod: Pod;
  let peer: Peer | undefined;

  before(async () => {
    world = await createWorld();
    pod = await world.addPod();
  });
  afterEach(async () => {
    await peer?.close();
    peer = undefined;
    expect(coldCounts(world), 'cold runs').to.deep.equal({});
  });
  after(() => world.close());

  /** Calls `bridge` with a peer that claims the call and answers with `told`, and returns what the runtime gets. */
  async function call(told: Script['told'], { look, ...rest }: CniCall & { look?: (request: Buffer) => void } = {}) {
    peer = await startPeer(world, { requested: claimed, ...(told && { told }) }, look);
    const env = cniEnvironment({ netns: pod, ...rest }, installedPlugins);
    return world.run(join(installedPlugins, 'bridge'), [], { env, input: cniInput(rest) });
  }

  const request = () => decoded(peer?.heard[0]?.request ?? Buffer.alloc(0));

  it('prints what the daemon answers, and ends with its status', async () => {
    for (const status of [0, 1, 255]) {
      const { code, stdout, stderr } = await call({ send: answerFrame(status, '{"ips": []}\n') });
      expect({ code, stdout, stderr }).to.deep.equal({ code: status, stdout: '{"ips": []}\n', stderr: '' });
      await peer?.close();
    }
  });

  it('starts no Node', async () => {
    peer = await startPeer(world, { requested: claimed, told: { send: answerFrame(0, '') } });
    const strace = [
      '-f',
      '-qq',
      '-e',
      'trace=execve,execveat,fork,vfork,clone,clone3',
      join(installedPlugins, 'bridge'),
    ];
    const { stderr } = await world.run('strace', strace, { env: cniEnvironment({ netns: pod }, installedPlugins) });
    expect(stderr.trim().split('\n'))
      .to.have.lengthOf(1)
      .and.to.match(/^execve\(/);
  });

  it('prints nothing for an empty answer', async () => {
    expect(await call({ send: answerFrame(0, '') })).to.include({ code: 0, stdout: '', stderr: '' });
  });

  it('passes on what the daemon says for the standard error stream, in order', async () => {
    const send = Buffer.concat([
      frame(Kind.stderr, 'one\n'),
      frame(Kind.stderr),
      frame(Kind.stderr, 'two\n'),
      answerFrame(1, '{}'),
    ]);
    expect(await call({ send })).to.include({ code: 1, stdout: '{}', stderr: 'one\ntwo\n' });
  });

  it('changes no byte, of whatever kind and however many', async () => {
    const bytes = Buffer.concat([randomBytes(3_000_000), Buffer.from([0, 0xff, 0xfe, 0x0a])]);
    peer = await startPeer(world, {
      requested: claimed,
      told: { send: Buffer.concat([frame(Kind.stderr, bytes), answerFrame(0, bytes)]) },
    });
    const script = `"$0" 2>/run/stderr >/run/stdout`;
    const env = cniEnvironment({ netns: pod }, installedPlugins);
    await world.run('sh', ['-c', script, join(installedPlugins, 'bridge')], { env });
    for (const stream of ['stdout', 'stderr']) {
      expect(readFileSync(world.path(`/run/${stream}`)).equals(bytes), stream).to.equal(true);
    }
  });

  it('takes an answer that comes byte by byte', async () => {
    const answer = Buffer.concat([frame(Kind.stderr, 'w'), answerFrame(3, 'result')]);
    const ended = call(undefined);
    while (peer?.heard[0]?.kinds.includes(Kind.go) !== true) await sleep(2);
    for (const byte of answer) {
      peer.say(Buffer.from([byte]));
      await sleep(1);
    }
    expect(await ended).to.include({ code: 3, stdout: 'result', stderr: 'w' });
  });

  it('waits for the answer as long as its runtime does', async () => {
    expect(await call({ afterMs: 3000, send: answerFrame(0, 'late') })).to.include({ code: 0, stdout: 'late' });
  });

  it('says "go" once it has been claimed, and hangs up when the answer is printed', async () => {
    await call({ send: answerFrame(0, '') });
    await peer?.ended();
    expect(peer?.heard.map(({ kinds }) => kinds)).to.deep.equal([[Kind.request, Kind.go]]);
  });

  it('waits for a configuration that comes slowly, and for a reader who does, where they made its streams non-blocking', async () => {
    const result = 'x'.repeat(200_000);
    peer = await startPeer(world, { requested: claimed, told: { send: answerFrame(0, result) } });
    const nonBlocking = 'for (*STDIN, *STDOUT) { fcntl($_, F_SETFL, O_NONBLOCK) or die } exec @ARGV';
    const script = `{ printf one; sleep 0.2; printf two; } | perl -MFcntl -e '${nonBlocking}' "$0" | { sleep 0.4; cat; }`;
    const env = cniEnvironment({ netns: pod }, installedPlugins);
    const { stdout } = await world.run('sh', ['-c', script, join(installedPlugins, 'bridge')], { env });
    expect(stdout).to.equal(result);
    expect(request().stdin.toString()).to.equal('onetwo');
  });

  it('hangs up no sooner than its runtime has taken the answer', async () => {
    // More than a pipe holds, and a reader that comes late.
    peer = await startPeer(world, { requested: claimed, told: { send: answerFrame(0, 'x'.repeat(200_000)) } });
    const env = cniEnvironment({ netns: pod }, installedPlugins);
    await world.run('sh', ['-c', '"$0" | { sleep 0.3; cat >/dev/null; }', join(installedPlugins, 'bridge')], { env });
    await peer.ended();
    expect(peer.heard[0]?.endedMs).to.be.at.least(150);
  });

  it('tells who is called, when, and from where', async () => {
    const before = Date.now();
    const paths = ['mnt', 'pid', 'user', 'net'].map((kind) => [kind, `/proc/${world.keeper.pid}/ns/${kind}`]);
    paths.push(['root', world.path('/')]);
    await call({ send: answerFrame(0, '') });
    const { token, began, netns: _, build, type, ...rest } = request().variables;
    expect({ build, type }).to.deep.equal({ build: basename(runtimeFolder(installedPlugins)), type: 'bridge' });
    expect(Number(began)).to.be.at.least(before).and.at.most(Date.now());
    expect(token).to.match(/^[0-9a-f]{32}$/);
    for (const [name = '', path = ''] of paths) {
      const { dev, ino } = statSync(path);
      expect(rest[name], name).to.equal(`${dev}:${ino}`);
    }
  });

  it('draws a token for each call', async () => {
    const tokens = new Set<string | undefined>();
    for (let i = 0; i < 3; i += 1) {
      await call({ send: answerFrame(0, '') });
      tokens.add(request().variables.token);
      await peer?.close();
    }
    expect(tokens.size).to.equal(3);
  });

  it('passes on every variable of the protocol and no other of the caller’s', async () => {
    const env = { CNI_X: '', CNI_ARGS: 'A=b;C= ü\n', CNI: 'x', LD_PRELOAD: '', HOME: '/root', TRESTLE_TOKEN: 'x' };
    await call({ send: answerFrame(0, '') }, { containerId: 'one', env });
    const own = ['build', 'type', 'began', 'token', 'mnt', 'pid', 'user', 'net', 'root', 'netns'];
    const others = Object.entries(request().variables).filter(([name]) => !own.includes(name));
    expect(Object.fromEntries(others)).to.deep.equal({
      CNI_COMMAND: 'ADD',
      CNI_CONTAINERID: 'one',
      CNI_NETNS: pod.path,
      CNI_IFNAME: 'eth0',
      CNI_PATH: installedPlugins,
      CNI_X: '',
      CNI_ARGS: 'A=b;C= ü\n',
    });
  });

  it('names the pod’s namespace by a descriptor, which is open until the answer', async () => {
    let seen: bigint | undefined;
    const look = (bytes: Buffer) => {
      seen = statSync(decoded(bytes).variables.netns ?? '', { bigint: true }).ino;
    };
    await call({ send: answerFrame(0, '') }, { look });
    expect(seen).to.equal(statSync(world.path(pod.path), { bigint: true }).ino);
    expect(existsSync(request().variables.netns ?? '')).to.equal(false);
  });

  it('names no namespace where CNI_NETNS is missing, names nothing, or a FIFO that nobody writes to', async () => {
    await world.run('mkfifo', ['/run/fifo']);
    await call({ send: answerFrame(0, '') }, { netns: '/run/missing' });
    expect(request().variables).to.include({ CNI_NETNS: '/run/missing' }).and.not.to.have.property('netns');
    await peer?.close();
    await call({ send: answerFrame(0, '') }, { netns: '/run/fifo' });
    expect(request().variables).to.include({ CNI_NETNS: '/run/fifo' });
  });

  it('passes on the standard input whole, of any length and any bytes', async () => {
    for (const size of [0, 1, 65_536, 700_000, 5_000_000]) {
      const config = randomBytes(size);
      expect(await call({ send: answerFrame(0, 'ok') }, { config })).to.include({ code: 0, stdout: 'ok' });
      expect(request().stdin.equals(config), `${size} bytes`).to.equal(true);
      await peer?.close();
    }
  });

  it('passes on one byte more than a configuration may have of one that never ends', async () => {
    peer = await startPeer(world, { requested: claimed, told: { send: answerFrame(1, '{}') } });
    const env = cniEnvironment({ netns: pod }, installedPlugins);
    const ran = await world.run('sh', ['-c', 'exec "$0" </dev/zero', join(installedPlugins, 'bridge')], { env });
    expect(ran).to.include({ code: 1, stdout: '{}' });
    expect(request().stdin.length).to.equal(16 * 1024 * 1024 + 1);
  });

  it('asks nobody for VERSION, nor as the command', async () => {
    expect((await call(undefined, { command: 'VERSION' })).stdout).to.include('supportedVersions');
    expect(await world.run(join(installedPlugins, 'trestle'), ['version'])).to.include({ code: 0 });
    expect(peer?.heard).to.deep.equal([]);
  });
});
