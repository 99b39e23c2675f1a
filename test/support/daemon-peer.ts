import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { enter } from './peers';
import type { World } from './world';

/** The daemon's socket, in a world. */
const socketPath = '/run/trestle/daemon.sock';
const coldFolder = '/run/trestle/cold';

/** By native/launcher/protocol.h, and not by the daemon's own code: it is the launcher that is looked at. */
export const Kind = { request: 1, claimed: 2, declined: 3, go: 4, stderr: 5, answer: 6 } as const;
const magic = 0x31545354;
const headerSize = 12;

export function header(kind: number, size: number, first = magic): Buffer {
  const bytes = Buffer.alloc(headerSize);
  [first, kind, size].forEach((word, index) => {
    bytes.writeUInt32LE(word, index * 4);
  });
  return bytes;
}

export function frame(kind: number, payload: Buffer | string = ''): Buffer {
  const body = Buffer.from(payload);
  return Buffer.concat([header(kind, body.length), body]);
}

export function answerFrame(status: number, stdout: Buffer | string): Buffer {
  return frame(Kind.answer, Buffer.concat([Buffer.from([status]), Buffer.from(stdout)]));
}

/** What a peer does when something has come. */
export interface Reply {
  /** Milliseconds. */
  afterMs?: number;
  send?: Buffer;
  /** Hangs up. */
  close?: boolean;
}

/** A daemon as a test wants it; what it has no reply to it listens to in silence. */
export interface Script {
  connected?: Reply;
  requested?: Reply;
  told?: Reply;
  /** Reads nothing of what is sent. */
  deaf?: boolean;
}

/** What a peer has heard on one connection. */
export interface Heard {
  /** The payload of its first frame, once that is whole. */
  request?: Buffer;
  /** Of its frames, in order. */
  kinds: number[];
  /** Milliseconds from connecting until the launcher was gone. */
  endedMs?: number;
  ended: Promise<void>;
}

export interface Peer {
  heard: Heard[];
  /** Says more to who has connected last. */
  say(bytes: Buffer): void;
  /** Waits until every launcher has hung up, and what was said till then is heard. */
  ended(): Promise<void>;
  close(): Promise<void>;
}

/** Listens as the daemon of a world. `look` is called with each request while the launcher waits. */
export async function startPeer(world: World, script: Script, look?: (request: Buffer) => void): Promise<Peer> {
  const path = prepare(world);
  const heard: Heard[] = [];
  const sockets: Socket[] = [];
  const server = createServer({ pauseOnConnect: script.deaf ?? false }, (socket) => {
    sockets.push(socket);
    heard.push(listen(socket, script, look));
  });
  server.listen(path);
  await once(server, 'listening');
  return {
    heard,
    say: (bytes) => sockets.at(-1)?.write(bytes),
    ended: async () => {
      for (const socket of sockets) socket.resume();
      await Promise.all(heard.map(({ ended }) => ended));
    },
    close: () => end(server, sockets),
  };
}

function prepare(world: World): string {
  const path = world.path(socketPath);
  mkdirSync(world.path(coldFolder), { recursive: true });
  rmSync(path, { force: true });
  return path;
}

function listen(socket: Socket, script: Script, look?: (request: Buffer) => void): Heard {
  const since = performance.now();
  const heard: Heard = { kinds: [], ended: once(socket, 'close').then(() => {}) };
  socket.on('error', () => {});
  socket.on('close', () => {
    heard.endedMs = performance.now() - since;
  });
  onFrame(socket, (kind, payload) => {
    heard.kinds.push(kind);
    if (kind !== Kind.request) return reply(socket, script.told);
    heard.request = payload;
    look?.(payload);
    reply(socket, script.requested);
  });
  reply(socket, script.connected);
  return heard;
}

function onFrame(socket: Socket, take: (kind: number, payload: Buffer) => void): void {
  let chunks: Buffer[] = [];
  let [size, wanted] = [0, headerSize];
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    size += chunk.length;
    while (size >= wanted) {
      const bytes = Buffer.concat(chunks);
      const end = headerSize + bytes.readUInt32LE(8);
      wanted = size < end ? end : headerSize;
      chunks = [size < end ? bytes : bytes.subarray(end)];
      if (size < end) return;
      size -= end;
      take(bytes.readUInt32LE(4), bytes.subarray(headerSize, end));
    }
  });
}

function reply(socket: Socket, { afterMs, send, close }: Reply = {}): void {
  const now = () => {
    if (send) socket.write(send);
    if (close) socket.destroySoon();
  };
  if (afterMs === undefined) now();
  else setTimeout(now, afterMs);
}

async function end(server: Server, sockets: Socket[]): Promise<void> {
  for (const socket of sockets) socket.destroy();
  server.close();
  await once(server, 'close');
}

/**
 * Starts who listens on the daemon's socket and stands still: it accepts nobody. `backlog` connections may wait; `uid` is
 * who it is.
 */
export async function startFrozenPeer(world: World, { backlog = 16, uid = 0 } = {}): Promise<ChildProcess> {
  // What it makes by another user's rights.
  chmodSync(dirname(prepare(world)), 0o777);
  const program = `
    process.seteuid(${uid});
    require('node:net').createServer().listen({ path: '${socketPath}', backlog: ${backlog} }, () => {
      require('node:fs').writeSync(1, 'ready');
      process.kill(process.pid, 'SIGSTOP');
    })`;
  const child = spawn('nsenter', [...enter(world.keeper), process.execPath, '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

export async function killFrozenPeer(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

/** How often launchers ran cold since {@link clearCounts}, by reason. */
export function coldCounts(world: World): Record<string, number> {
  const folder = world.path(coldFolder);
  if (!existsSync(folder)) return {};
  return Object.fromEntries(readdirSync(folder).map((reason) => [reason, statSync(`${folder}/${reason}`).size]));
}

export function clearCounts(world: World): void {
  rmSync(world.path(coldFolder), { recursive: true, force: true });
}

/** The variables of a request by their names, and its standard input. */
export function decoded(request: Buffer): { variables: Record<string, string>; stdin: Buffer } {
  const end = request.indexOf('\0\0');
  const pairs = request.toString('utf8', 0, end).split('\0');
  return {
    variables: Object.fromEntries(
      pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.replace(/^[^=]*=/s, '')]),
    ),
    stdin: request.subarray(end + 2),
  };
}
