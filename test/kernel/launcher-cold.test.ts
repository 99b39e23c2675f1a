import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  answerFrame,
  clearCounts,
  coldCounts,
  frame,
  header,
  Kind,
  killFrozenPeer,
  type Peer,
  type Script,
  startFrozenPeer,
  startPeer,
} from '../support/daemon-peer';
import { bridgeNetwork, globalAddresses, ipsOf } from '../support/network';
import { cniEnvironment } from '../support/plugins';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork();
const claimed: Script = { requested: { send: frame(Kind.claimed) } };

/** How long a launcher waits for a claim, and what a busy machine may make of it, as seen by the daemon. Milliseconds. */
const patience = { least: 200, most: 900 };

/** What a daemon may do wrong before it has claimed a call, and what that is counted as. */
const unclaimed: Record<string, Script & { counted: string }> = {
  'says nothing': { counted: 'silent' },
  'reads nothing': { deaf: true, counted: 'silent' },
  'says half a header': { requested: { send: frame(Kind.claimed).subarray(0, 7) }, counted: 'silent' },
  'says half a frame': { requested: { send: header(Kind.declined, 5) }, counted: 'silent' },
  'claims too late': { requested: { afterMs: 400, send: frame(Kind.claimed) }, counted: 'silent' },
  'hangs up at once': { connected: { close: true }, counted: 'silent' },
  'hangs up when asked': { requested: { close: true }, counted: 'silent' },
  'speaks another language': {
    requested: { send: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') },
    counted: 'garbled',
  },
  'says the right word in another version of the language': {
    requested: { send: header(Kind.claimed, 0, 0x32545354) },
    counted: 'garbled',
  },
  'says a word that is not its turn to say': { requested: { send: answerFrame(0, '{}') }, counted: 'garbled' },
  'says more than the word': {
    requested: { send: Buffer.concat([frame(Kind.claimed), answerFrame(0, '{}')]) },
    counted: 'garbled',
  },
  'announces more than a frame may have': {
    requested: { send: header(Kind.declined, (20 << 20) + 1) },
    counted: 'garbled',
  },
  'declines it': { requested: { send: frame(Kind.declined, 'build') }, counted: 'declined' },
  'declines it before it has read it': {
    connected: { send: frame(Kind.declined, 'build'), close: true },
    deaf: true,
    counted: 'declined',
  },
};

/** What a daemon may do wrong once it has been told to go. */
const begun: Record<string, Script['told']> = {
  'hangs up': { close: true },
  'hangs up within the answer': { send: answerFrame(0, '{"cniVersion": "1.0.0"}').subarray(0, -5), close: true },
  'hangs up after a warning': { send: frame(Kind.stderr, 'warning\n'), close: true },
  'answers without a status': { send: frame(Kind.answer) },
  'speaks another language': { send: Buffer.from('HTTP/1.1 500 Internal Server Error\r\n\r\n') },
  'says the right word in another version of the language': {
    send: Buffer.concat([header(Kind.answer, 3, 0x32545354), Buffer.from('\0{}')]),
  },
  'says a word that is not its turn to say': { send: frame(Kind.claimed) },
  'announces more than a frame may have': { send: header(Kind.answer, (20 << 20) + 1) },
};

describe('the launcher runs cold', () => {
  let world: World;
  let peer: Peer | undefined;
  let frozen: ChildProcess | undefined;

  before(async () => {
    world = await createWorld();
  });
  afterEach(async () => {
    await peer?.close();
    if (frozen) await killFrozenPeer(frozen);
    [peer, frozen] = [undefined, undefined];
    clearCounts(world);
    rmSync(world.path('/run/trestle/daemon.sock'), { force: true });
  });
  after(() => world.close());

  /** An ADD must do its work, print its result once, and nothing else. */
  async function expectAttached(more: object = {}): Promise<void> {
    const pod = await world.addPod();
    const call = { containerId: pod.name, netns: pod, config: { ...config, ...more } };
    const { code, stderr, json } = await world.cni('bridge', call);
    expect({ code, stderr }, JSON.stringify(json)).to.deep.equal({ code: 0, stderr: '' });
    expect((await globalAddresses(world, 'eth0', pod)).map((address) => address.split('/')[0])).to.deep.equal(
      ipsOf(json),
    );
    expect((await world.cni('bridge', { ...call, command: 'DEL' })).code).to.equal(0);
  }

  for (const [what, { counted, ...script }] of Object.entries(unclaimed)) {
    it(`where the daemon ${what}, and never says "go"`, async () => {
      peer = await startPeer(world, script);
      await expectAttached();
      expect(coldCounts(world)).to.deep.equal({ [counted]: 2 });
      await peer.ended();
      expect(peer.heard.flatMap(({ kinds }) => kinds)).not.to.include(Kind.go);
    });
  }

  it('once its patience ends, and withdraws by hanging up', async () => {
    peer = await startPeer(world, {});
    await expectAttached();
    await peer.ended();
    for (const { endedMs } of peer.heard) expect(endedMs).to.be.within(patience.least, patience.most);
  });

  it('once its patience ends, also while the daemon reads a long configuration slowly', async () => {
    peer = await startPeer(world, { deaf: true });
    await expectAttached({ padding: 'x'.repeat(2_000_000) });
    expect(coldCounts(world)).to.deep.equal({ silent: 2 });
  });

  it('at once where the daemon declines by the beginning of a long configuration, and reads no further', async () => {
    peer = await startPeer(world, { deaf: true, connected: { send: frame(Kind.declined, 'build') } });
    await expectAttached({ padding: 'x'.repeat(2_000_000) });
    expect(coldCounts(world)).to.deep.equal({ declined: 2 });
  });

  for (const [what, told] of Object.entries(begun)) {
    it(`where the daemon ${what} after it was told to go`, async () => {
      peer = await startPeer(world, { ...claimed, ...(told && { told }) });
      await expectAttached();
      expect(coldCounts(world)).to.deep.equal({ broken: 2 });
      expect(peer.heard.map(({ kinds }) => kinds)).to.deep.equal([
        [Kind.request, Kind.go],
        [Kind.request, Kind.go],
      ]);
    });
  }

  it('at once where the call is larger than a frame may be, and so refuses it as ever', async () => {
    peer = await startPeer(world, claimed);
    const perl = '$ENV{"CNI_X$_"} = "x" x 100_000 for 1 .. 45; exec @ARGV';
    const script = `ulimit -s unlimited; exec perl -e '${perl}' "$0" </dev/zero`;
    const env = cniEnvironment({ command: 'DEL' }, world.plugins);
    const { code, stdout } = await world.run('sh', ['-c', script, `${world.plugins}/bridge`], { env });
    expect({ code, error: JSON.parse(stdout).code }).to.deep.equal({ code: 1, error: 6 });
    expect(coldCounts(world)).to.deep.equal({ large: 1 });
  });

  it('at once where the daemon is another user’s', async () => {
    frozen = await startFrozenPeer(world, { uid: 65_534 });
    await expectAttached();
    expect(coldCounts(world)).to.deep.equal({ peer: 2 });
  });

  it('where nobody accepts', async () => {
    frozen = await startFrozenPeer(world);
    await expectAttached();
    expect(coldCounts(world)).to.deep.equal({ silent: 2 });
  });

  it('at once where so many wait to be accepted that there is no room for one more', async () => {
    frozen = await startFrozenPeer(world, { backlog: 1 });
    const waiting = await fill(world.path('/run/trestle/daemon.sock'));
    await expectAttached();
    for (const socket of waiting) socket.destroy();
    expect(coldCounts(world)).to.deep.equal({ connect: 2 });
  });

  it('where the daemon has left its socket behind, or a file lies there', async () => {
    await killFrozenPeer(await startFrozenPeer(world));
    await expectAttached();
    expect(coldCounts(world)).to.deep.equal({ connect: 2 });
    rmSync(world.path('/run/trestle/daemon.sock'));
    writeFileSync(world.path('/run/trestle/daemon.sock'), '');
    await expectAttached();
    expect(coldCounts(world)).to.deep.equal({ connect: 4 });
  });

  it('where there is no daemon, and does not count that', async () => {
    mkdirSync(world.path('/run/trestle/cold'), { recursive: true });
    await expectAttached();
    expect(coldCounts(world)).to.deep.equal({});
  });

  it('and counts only where the daemon has made a folder for it', async () => {
    peer = await startPeer(world, claimed);
    clearCounts(world);
    await peer.close();
    writeFileSync(world.path('/run/trestle/daemon.sock'), '');
    peer = undefined;
    await expectAttached();
    expect(existsSync(world.path('/run/trestle/cold'))).to.equal(false);
  });

  it('and counts neither through a link nor in a FIFO', async () => {
    const folder = world.path('/run/trestle/cold');
    mkdirSync(folder, { recursive: true });
    writeFileSync(world.path('/run/trestle/daemon.sock'), '');
    writeFileSync(world.path('/run/target'), '');
    symlinkSync('/run/target', join(folder, 'connect'));
    await expectAttached();
    expect(statSync(world.path('/run/target')).size).to.equal(0);
    rmSync(join(folder, 'connect'));
    await world.run('mkfifo', ['/run/trestle/cold/connect']);
    await expectAttached();
  });
});

/** Connects to a socket until there is no room for one more. */
async function fill(path: string): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (;;) {
    const socket = connect(path);
    const full = await Promise.race([
      once(socket, 'connect').then(() => false),
      once(socket, 'error').then(() => true),
    ]).catch(() => true);
    if (full) return sockets;
    sockets.push(socket);
  }
}
