import type { RawRequest } from '../cni/request';
import { FrameError } from './protocol';

/** What makes a path, a process id or a user mean one thing to the caller and another to us: namespaces, and the root folder. */
export const places = ['mnt', 'pid', 'user', 'net', 'root'] as const;

/** Each as "device:inode" (decimal): of /proc/<pid>/ns/<name>, and of "/". */
export type Place = Readonly<Record<(typeof places)[number], string>>;

/** A plugin's call as its launcher passes it on. */
export interface LaunchedRequest extends RawRequest {
  /** The runtime folder that the launcher would start. */
  build: string;
  /** When it was started, milliseconds since the epoch. */
  began: number;
  token: string;
  place: Place;
  /** CNI_NETNS as the launcher has opened it: "/proc/<pid>/fd/<n>". */
  netns?: string;
}

/** The payload of a REQUEST frame. Throws {@link FrameError} for what no launcher sends. */
export function decodeRequest(payload: Buffer): LaunchedRequest {
  const end = payload.indexOf('\0\0', 0, 'latin1');
  const isEmpty = payload[0] === 0;
  if (end < 0 && !isEmpty) throw new FrameError('a request whose variables do not end');
  const fields: Record<string, string> = Object.create(null);
  const env: Record<string, string> = Object.create(null);
  for (const variable of isEmpty ? [] : payload.toString('utf8', 0, end).split('\0')) {
    const at = variable.indexOf('=');
    const name = variable.slice(0, at);
    const into = name.startsWith('CNI_') ? env : fields;
    // The first of several of one name counts, as with getenv.
    if (at >= 0 && !(name in into)) into[name] = variable.slice(at + 1);
  }
  const field = (name: string, pattern: RegExp): string => {
    const value = fields[name] ?? '';
    if (!pattern.test(value)) throw new FrameError(`a request whose "${name}" is ${JSON.stringify(value)}`);
    return value;
  };
  return {
    type: field('type', /^[\w.-]+$/),
    build: field('build', /^[\w.+-]+$/),
    began: Number(field('began', /^\d{1,15}$/)),
    token: field('token', /^[0-9a-f]{32}$/),
    place: {
      mnt: field('mnt', inode),
      pid: field('pid', inode),
      user: field('user', inode),
      net: field('net', inode),
      root: field('root', inode),
    },
    ...(fields.netns !== undefined && { netns: field('netns', /^\/proc\/\d+\/fd\/\d+$/) }),
    env,
    stdin: payload.subarray(isEmpty ? 1 : end + 2),
  };
}

/** "device:inode" */
const inode = /^\d+:\d+$/;
