import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { encodeFrame, type Frame, FrameKind, frameLimit, frameReader } from '../../../lib/daemon/protocol';
import type { DoorHost } from '../../../lib/kernel/door';
import { KernelError } from '../../../lib/kernel/errors';
import { native } from '../../../lib/kernel/native';
import { runScript } from './support';

/** What the host of the door has been told, in order. */
type Told = [what: keyof DoorHost, ...rest: unknown[]];

describe('The door', () => {
  const folder = mkdtempSync(join(tmpdir(), 'trestle-door-'));
  const path = join(folder, 'door');
  const door = native();
  /** The verdict on a request, by its text. */
  const verdicts: Record<string, string | null> = { 'not us': 'build', nonsense: null };
  let told: Told[] = [];
  const host: DoorHost = {
    judge(visitor, request) {
      told.push(['judge', visitor, request.toString()]);
      return verdicts[request.toString()];
    },
    go: (visitor) => told.push(['go', visitor]),
    done: () => told.push(['done']),
    gone: (visitor) => told.push(['gone', visitor]),
    status: (visitor, what) => told.push(['status', visitor, what]),
    refused: (complaint) => told.push(['refused', complaint]),
  };
  const open = (): number => readdirSync('/proc/self/fd').length;

  before(() => door.openDoor({ path, room: 20, patienceMs: 500 }, host));
  after(() => {
    door.closeDoor();
    expect(existsSync(path)).to.equal(false);
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    told = [];
  });

  async function visit(): Promise<{ socket: Socket; heard: Frame[]; closed: Promise<unknown> }> {
    const socket = connect(path);
    const heard: Frame[] = [];
    const read = frameReader();
    socket.on('data', (chunk) => heard.push(...read(chunk)));
    socket.on('error', () => {});
    const closed = once(socket, 'close');
    await once(socket, 'connect');
    return { socket, heard, closed };
  }

  async function until(done: () => boolean): Promise<void> {
    for (const ends = Date.now() + 5_000; !done(); await sleep(1)) {
      if (Date.now() > ends) expect.fail(`told only ${JSON.stringify(told)}`);
    }
  }
  const was = (what: keyof DoorHost) => () => told.some(([name]) => name === what);
  const last = (): number => Number(told.at(-1)?.[1]);
  const words = (frames: readonly Frame[]) => frames.map(({ kind, payload }) => [kind, payload.toString()]);

  it('claims a request, lets it go, and brings the answer', async () => {
    const { socket, heard } = await visit();
    socket.write(encodeFrame(FrameKind.request, 'an ADD'));
    await until(() => heard.length === 1);
    socket.write(encodeFrame(FrameKind.go));
    await until(was('go'));
    door.answer(last(), 1, '{"ü":1}', 'a warning\n');
    await until(() => heard.length === 3);
    socket.end();
    await until(was('gone'));
    const visitor = last();
    expect(told).to.deep.equal([
      ['judge', visitor, 'an ADD'],
      ['go', visitor],
      ['gone', visitor],
    ]);
    expect(words(heard)).to.deep.equal([
      [FrameKind.claimed, ''],
      [FrameKind.stderr, 'a warning\n'],
      [FrameKind.answer, '\x01{"ü":1}'],
    ]);
  });

  it('takes what comes together, and in pieces of any size', async () => {
    const all = Buffer.concat([encodeFrame(FrameKind.request, 'an ADD'), encodeFrame(FrameKind.go)]);
    const pieces = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 });
    const property = fc.asyncProperty(pieces, async (sizes) => {
      told = [];
      const { socket } = await visit();
      for (let at = 0, i = 0; at < all.length; at += sizes[i++ % sizes.length] ?? 1) {
        socket.write(all.subarray(at, at + (sizes[i % sizes.length] ?? 1)));
        if (i % 3 === 0) await sleep(0);
      }
      await until(was('go'));
      expect(told.map(([what]) => what)).to.deep.equal(['judge', 'go']);
      socket.destroy();
      await until(was('gone'));
    });
    await fc.assert(property, { numRuns: 30 });
  });

  it('says why it declines, and sends those away who say nothing sensible', async () => {
    const [declined, dismissed] = [await visit(), await visit()];
    declined.socket.write(encodeFrame(FrameKind.request, 'not us'));
    dismissed.socket.write(encodeFrame(FrameKind.request, 'nonsense'));
    await Promise.all([declined.closed, dismissed.closed]);
    expect([words(declined.heard), words(dismissed.heard)]).to.deep.equal([[[FrameKind.declined, 'build']], []]);
    expect(told.map(([what]) => what)).to.deep.equal(['judge', 'judge']);
  });

  it('asks nobody to judge what somebody said who has left since', async () => {
    const script = `
      const { connect } = require('node:net');
      const door = load(process.argv[1]);
      const path = process.argv[2];
      const judge = () => console.log('judged');
      const host = { judge, go() {}, gone() {}, done() {}, status() {}, refused() {} };
      door.openDoor({ path, room: 5, patienceMs: 10000 }, host);
      const { spawnSync } = require('node:child_process');
      const say = 'require("node:net").connect(process.argv[1]).write(Buffer.from(process.argv[2], "hex"), () => process.exit(0))';
      spawnSync(process.execPath, ['-e', say, path, process.argv[3]]);
      setTimeout(() => process.exit(0), 300);
    `;
    const request = encodeFrame(FrameKind.request, 'an ADD').toString('hex');
    expect(await runScript(script, [join(folder, 'other'), request])).to.include({ stdout: '', stderr: '', code: 0 });
  });

  it('gives a status, and nothing else to who asks for it', async () => {
    const { socket, heard, closed } = await visit();
    socket.write(encodeFrame(FrameKind.status, 'collect'));
    await until(was('status'));
    expect(told).to.deep.equal([['status', last(), 'collect']]);
    door.report(last(), '{}');
    await closed;
    expect(words(heard)).to.deep.equal([[FrameKind.statusReport, '{}']]);
  });

  it('brings an answer of megabytes to a slow reader, and serves others meanwhile', async () => {
    const slow = await visit();
    slow.socket.write(encodeFrame(FrameKind.request, 'an ADD'));
    await until(was('judge'));
    slow.socket.write(encodeFrame(FrameKind.go));
    await until(was('go'));
    slow.socket.pause();
    const text = 'x'.repeat(10 << 20);
    door.answer(last(), 0, text, '');
    const other = await visit();
    other.socket.write(encodeFrame(FrameKind.request, 'not us'));
    await other.closed;
    slow.socket.resume();
    await until(() => slow.heard.length === 2);
    expect(slow.heard[1]?.payload.length).to.equal(text.length + 1);
    slow.socket.destroy();
  });

  it('takes a request of the most that is allowed', async () => {
    const { socket, heard } = await visit();
    socket.write(encodeFrame(FrameKind.request, Buffer.alloc(frameLimit, 'x')));
    await until(() => heard.length === 1);
    expect(String(told[0]?.[2]).length).to.equal(frameLimit);
    socket.destroy();
    await until(was('gone'));
  });

  it('refuses whatever is no frame that is due, once, and tells of those who were claimed that they are gone', async () => {
    const noise = fc.uint8Array({ minLength: 12, maxLength: 200 });
    const before = fc.constantFrom<Buffer[]>([], [encodeFrame(FrameKind.request, 'an ADD')]);
    const property = fc.asyncProperty(before, noise, async (said, bytes) => {
      told = [];
      const { socket, closed } = await visit();
      socket.write(Buffer.concat([...said, bytes]));
      await closed;
      await until(was('refused'));
      const expected = said.length === 0 ? ['refused'] : ['judge', 'gone', 'refused'];
      expect(told.map(([what]) => what)).to.deep.equal(expected);
    });
    await fc.assert(property, { numRuns: 50 });
  });

  it('closes on who is silent before a request or a "go", and waits for who waits for an answer', async () => {
    const [silent, claimed, served] = [await visit(), await visit(), await visit()];
    claimed.socket.write(encodeFrame(FrameKind.request, 'an ADD'));
    served.socket.write(Buffer.concat([encodeFrame(FrameKind.request, 'an ADD'), encodeFrame(FrameKind.go)]));
    await Promise.all([silent.closed, claimed.closed]);
    await sleep(1_500);
    expect(served.socket.destroyed).to.equal(false);
    expect(told.map(([what]) => what).sort()).to.deep.equal(['go', 'gone', 'judge', 'judge']);
    served.socket.destroy();
    await until(() => told.filter(([what]) => what === 'gone').length === 2);
  });

  it('knows who has left before it tells so', async () => {
    const { socket } = await visit();
    socket.write(Buffer.concat([encodeFrame(FrameKind.request, 'an ADD'), encodeFrame(FrameKind.go)]));
    await until(was('go'));
    const visitor = last();
    expect(door.hasLeft(visitor)).to.equal(false);
    socket.destroy();
    expect([door.hasLeft(visitor), was('gone')()]).to.deep.equal([true, false]);
    await until(was('gone'));
    expect(door.hasLeft(visitor)).to.equal(true);
  });

  it('has room for so many, and turns others away', async () => {
    await sleep(50);
    const before = open();
    const all = await Promise.all(Array.from({ length: 25 }, visit));
    await sleep(100);
    expect(all.filter(({ socket }) => !socket.destroyed).length)
      .to.be.at.most(20)
      .and.above(0);
    for (const { socket } of all) socket.destroy();
    await until(() => open() <= before);
    const { socket, heard } = await visit();
    socket.write(encodeFrame(FrameKind.request, 'an ADD'));
    await until(() => heard.length === 1);
    socket.destroy();
    await until(was('gone'));
  });

  it('tells nothing to who has left or never came, and takes nothing amiss', () => {
    for (const visitor of [0, -1, 1, 4711, Number.NaN]) {
      door.answer(visitor, 0, 'x', '');
      door.report(visitor, '{}');
      expect(door.hasLeft(visitor)).to.equal(true);
      door.dismiss(visitor);
    }
  });

  it('keeps no descriptor of any of them', async () => {
    await sleep(50);
    const before = open();
    for (let i = 0; i < 30; i++) {
      const { socket, closed } = await visit();
      socket.write(encodeFrame(FrameKind.request, i % 2 === 0 ? 'not us' : 'an ADD'));
      if (i % 2 === 1) socket.destroy();
      await closed;
    }
    await until(() => open() <= before);
  });

  it('is one in a process', () => {
    const again = () => door.openDoor({ path, room: 1, patienceMs: 1 }, host);
    expect(again).to.throw(KernelError, 'open a door: there is one already');
  });

  it('that cannot be, or lacks a place or part of its host, is told with object, operation and errno', async () => {
    const script = `
      const door = load(process.argv[1]);
      const host = { judge() {}, go() {}, gone() {}, done() {}, status() {}, refused() {} };
      const places = [{ path: '/run/nosuch/door' }, { path: '/'.repeat(200) }, { fd: 99 }, {}, { path: '/x', fd: 3 }, { path: 5 }];
      for (const place of places) {
        try { door.openDoor({ ...place, room: 1, patienceMs: 1 }, host); console.log('open'); }
        catch ({ op, errno, message }) { console.log(op, errno || message); }
      }
      for (const wrong of [undefined, {}, { ...host, go: 5 }]) {
        try { door.openDoor({ path: '/run/nosuch/door', room: 1, patienceMs: 1 }, wrong); console.log('open'); }
        catch ({ message }) { console.log(message); }
      }
    `;
    expect((await runScript(script)).stdout.split('\n')).to.deep.equal([
      'listen on /run/nosuch/door ENOENT',
      `listen on ${'/'.repeat(200)} ENAMETOOLONG`,
      'listen on descriptor 99 EBADF',
      'read the arguments place.path and fd exclude each other, and one is needed',
      'read the arguments place.path and fd exclude each other, and one is needed',
      'read the arguments place.path must be a string, not a number',
      'host must be an object',
      'host.judge must be a function',
      'host.go must be a function',
      '',
    ]);
  });

  it('turns away who comes when there are no descriptors left, and lets in who comes later', async () => {
    const script = `
      const { connect } = require('node:net');
      const { openSync, closeSync } = require('node:fs');
      const door = load(process.argv[1]);
      const path = process.argv[2];
      const host = { judge() { console.log('judged'); }, go() {}, gone() {}, done() {}, status() {}, refused() {} };
      door.openDoor({ path, room: 5, patienceMs: 10000 }, host);
      const come = (then) => {
        const { spawn } = require('node:child_process');
        const say = 'const s = require("node:net").connect(process.argv[1]); s.on("close", () => process.exit(0)); s.on("data", () => process.exit(0)); s.write(Buffer.from(process.argv[2], "hex"))';
        return new Promise((resolve) => spawn(process.execPath, ['-e', say, path, process.argv[3]], { stdio: 'ignore' }).on('exit', resolve));
      };
      (async () => {
        const coming = come();
        const files = [];
        try { for (;;) files.push(openSync('/dev/null')); } catch ({ code }) { console.log(code); }
        await coming;
        for (const file of files) closeSync(file);
        await come();
        process.exit(0);
      })();
    `;
    const request = encodeFrame(FrameKind.request, 'an ADD').toString('hex');
    const limited = ['prlimit', '--nofile=64:64', 'env'];
    const { stdout } = await runScript(script, [join(folder, 'full'), request], limited);
    expect(stdout).to.equal('EMFILE\njudged\n');
  });
});
