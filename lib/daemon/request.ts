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
  const end = endOfVariables(payload);
  const variables = parseVariables(payload.toString('utf8', 0, end));
  const field = (name: string, pattern: RegExp): string => {
    const value = variables.get(name) ?? '';
    if (!pattern.test(value)) throw new FrameError(`a request whose "${name}" is ${JSON.stringify(value)}`);
    return value;
  };
  const place = Object.fromEntries(places.map((name) => [name, field(name, /^\d+:\d+$/)])) as Place;
  return {
    type: field('type', /^[\w.-]+$/),
    build: field('build', /^[\w.+-]+$/),
    began: Number(field('began', /^\d{1,15}$/)),
    token: field('token', /^[0-9a-f]{32}$/),
    place,
    ...(variables.has('netns') && { netns: field('netns', /^\/proc\/\d+\/fd\/\d+$/) }),
    env: Object.fromEntries([...variables].filter(([name]) => name.startsWith('CNI_'))),
    stdin: payload.subarray(end + 1),
  };
}

/** Where the empty variable is that ends the list: the NUL after the one that ends the last variable. */
function endOfVariables(payload: Buffer): number {
  for (let start = 0; ; ) {
    const nul = payload.indexOf(0, start);
    if (nul < 0) throw new FrameError('a request whose variables do not end');
    if (nul === start) return nul;
    start = nul + 1;
  }
}

/** The first of several of one name counts, as with getenv. */
function parseVariables(text: string): Map<string, string> {
  const pairs = text.split('\0').filter((variable) => variable.includes('='));
  return new Map(pairs.reverse().map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}
