import { rmSync } from 'node:fs';
import { connect } from 'node:net';

/** Where a daemon is to be reached: a socket that it makes itself, or one that systemd holds for it, as a descriptor. */
export type Address = { path: string } | { fd: number };

/**
 * The sockets that systemd passes (sd_listen_fds(3)): descriptors from 3 on, if they are meant for this process. Throws if
 * there is more than one.
 */
export function passedSocket(env: Readonly<Record<string, string | undefined>>, pid: number): Address | undefined {
  if (env.LISTEN_PID !== String(pid)) return undefined;
  const count = Number(env.LISTEN_FDS ?? 0);
  if (count > 1) throw new Error(`one socket is expected of systemd, ${count} were passed`);
  return count === 1 ? { fd: 3 } : undefined;
}

/** What a daemon that was killed has left is removed; where somebody answers, it is theirs. */
export async function demandUnused(path: string): Promise<void> {
  if (await answers(path)) throw new Error(`somebody else listens on ${path}`);
  rmSync(path, { force: true });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const tell = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => tell(true));
    socket.once('error', () => tell(false));
  });
}
