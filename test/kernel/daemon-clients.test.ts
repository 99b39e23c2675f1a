import { expect } from 'chai';
import { frameLimit } from '../../lib/daemon/protocol';
import { type Daemon, logged, startDaemon } from '../support/daemon';
import { type Client, newClient } from '../support/daemon-client';
import { frame, header } from '../support/daemon-peer';
import { bridgeNetwork, succeed } from '../support/network';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork();

/** What is said, and what the daemon says of it. */
const strange = [
  ['garbage', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /no frame: it begins with 0x20544547/],
  ['a frame of no kind', frame(99), /no frames of kind 99/],
  ['a frame without end', header(1, 0xffffffff), /of 4294967295 bytes is announced/],
  ['a frame of one byte more than is taken', header(1, frameLimit + 1), /announced, at most/],
  ['an empty request', frame(1), /variables do not end/],
  ['a request without variables', frame(1, Buffer.alloc(1)), /"\w+" is ""/],
  ['"go" before anything else', frame(4), /kind 4 is out of turn/],
  ['an answer', frame(6, 'x'), /kind 6 is out of turn/],
  ['many frames out of turn', Buffer.concat(Array.from({ length: 1000 }, () => frame(4))), /out of turn/],
  ['two requests for its status', Buffer.concat([frame(7), frame(7)]), /kind 7 is out of turn/],
] as const;

describe('A daemon that is talked to by somebody who is no launcher', function () {
  this.timeout(60_000);

  let world: World;
  let daemon: Daemon;
  let pods = 0;

  before(async () => {
    world = await createWorld();
    daemon = await startDaemon(world.keeper, world.plugins);
  });

  after(async () => {
    expect(await daemon.end()).to.deep.equal({ code: 0, signal: null, stderr: '' });
    await world.close();
  });

  const complaints = (): (string | undefined)[] =>
    daemon.log.filter(({ msg }) => msg === 'refused').map(({ complaint }) => complaint);

  /** An ADD is served warm meanwhile. */
  async function expectServing(): Promise<void> {
    const containerId = `c${++pods}`;
    await succeed(world, 'bridge', { netns: await world.addPod(), containerId, config });
    await logged(daemon, ({ msg, container }) => msg === 'request' && container === containerId);
  }

  /** Says it, which the daemon must refuse with a complaint and nothing else. */
  async function expectRefused(said: Buffer, complaint: RegExp): Promise<void> {
    const client = await newClient(world);
    const before = complaints().length;
    client.socket.write(said);
    await expectServing();
    await client.closed;
    expect(client.heard().length).to.equal(0);
    await logged(daemon, ({ complaint: found }) => found !== undefined && complaint.test(found));
    expect(complaints().slice(before)).to.have.length(1).and.to.match(complaint);
  }

  for (const [what, said, complaint] of strange) {
    it(`refuses ${what}, and serves others meanwhile`, () => expectRefused(said, complaint));
  }

  it('refuses 100 MB by their first word, and takes nothing of them', async () => {
    const { rss } = await daemon.report();
    const client = await newClient(world);
    const piece = Buffer.alloc(1 << 20, 'x');
    for (let i = 0; i < 100 && !client.socket.destroyed; i++) client.socket.write(piece);
    await expectServing();
    await client.closed;
    expect((await daemon.report()).rss - rss).to.be.below(50 << 20);
  });

  it('closes the connection of who says nothing, and of who says half a frame, after ten seconds', async () => {
    const clients: Client[] = [await newClient(world), await newClient(world), await newClient(world)];
    clients[1]?.socket.write(header(1, 1000).subarray(0, 5));
    clients[2]?.socket.write(Buffer.concat([header(1, 1000), Buffer.alloc(500)]));
    const since = performance.now();
    await expectServing();
    await Promise.all(clients.map(({ closed }) => closed));
    expect(performance.now() - since).to.be.within(9000, 15_000);
    expect(clients.map((client) => client.heard().length)).to.deep.equal([0, 0, 0]);
  });

  it('is not to be reached by who is not root', async () => {
    const attempt = `require('node:net').connect('/run/trestle/daemon.sock').on('error', ({ code }) => console.log(code))`;
    const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath, '-e', attempt];
    expect((await world.run('setpriv', nobody)).stdout).to.equal('EACCES\n');
    await expectServing();
  });

  it('holds nothing of any of them', async () => {
    const { running, waiting, refused, cold } = await daemon.report();
    expect({ running, waiting, refused, cold }).to.deep.equal({
      running: 0,
      waiting: 0,
      refused: strange.length + 1,
      cold: {},
    });
  });
});
