import type { RawRequest } from '../cni/request';
import { FrameError } from './protocol';

/** The kinds of namespaces by which a path, a process id or a user may mean one thing to the caller and another to us. */
export const namespaceKinds = ['mnt', 'pid', 'user', 'net'] as const;

/** Each as "device:inode" of /proc/<pid>/ns/<kind>. */
export type Namespaces = Readonly<Record<(typeof namespaceKinds)[number], string>>;

/** A plugin's call as its launcher passes it on. */
export interface LaunchedRequest extends RawRequest {
  /** The runtime folder that the launcher would start. */
  build: string;
  /** When it was started, milliseconds since the epoch. */
  began: number;
  token: string;
  namespaces: Namespaces;
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
  const [mnt, pid, user, net] = namespaceKinds.map((kind) => field(kind, /^\d+:\d+$/)) as [
    string,
    string,
    string,
    string,
  ];
  return {
    type: field('type', /^[\w.-]+$/),
    build: field('build', /^[\w.+-]+$/),
    began: Number(field('began', /^\d{1,15}$/)),
    token: field('token', /^[0-9a-f]{32}$/),
    namespaces: { mnt, pid, user, net },
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
