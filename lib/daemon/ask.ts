import { connect } from 'node:net';
import { encodeFrame, FrameKind, frameReader } from './protocol';
import type { Report } from './report';

/** How long a daemon may take. Milliseconds. */
const patienceMs = 10_000;

/** The report of the daemon that listens on `path`; `collect`: after a collection of garbage. Rejects when none answers. */
export function ask(path: string, collect: boolean): Promise<Report> {
  return new Promise((resolve, reject) => {
    const read = frameReader();
    const socket = connect(path, () => socket.write(encodeFrame(FrameKind.status, collect ? 'collect' : '')));
    socket.setTimeout(patienceMs, () => socket.destroy(new Error('it says nothing')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('it has closed the connection')));
    socket.on('data', (chunk) => {
      const [frame] = read(chunk);
      if (frame === undefined) return;
      resolve(JSON.parse(frame.payload.toString()) as Report);
      socket.destroy();
    });
  });
}
