import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { daemonSocket } from './daemon';
import type { World } from './world';

/** Somebody who talks to a daemon, and need not be a launcher. */
export interface Client {
  socket: Socket;
  /** Everything that it was told, up to now. */
  heard(): Buffer;
  /** Resolves when the daemon has closed the connection. */
  closed: Promise<void>;
}

/** Connects to the daemon of a world. */
export async function newClient(world: World): Promise<Client> {
  const socket = connect(world.path(daemonSocket));
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  // The daemon may hang up while something is being said to it.
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
  });
  await once(socket, 'connect');
  return { socket, heard: () => Buffer.concat(chunks), closed };
}
