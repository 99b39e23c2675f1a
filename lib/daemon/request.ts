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
  const fields: Partial<Record<Field, string>> = Object.create(null);
  const env: Record<string, string> = {};
  for (const variable of isEmpty ? [] : payload.toString('utf8', 0, end).split('\0')) {
    const at = variable.indexOf('=');
    const name = variable.slice(0, at);
    const into: Record<string, string> = name.startsWith('CNI_') ? env : fields;
    // The first of several of one name counts, as with getenv.
    if (at >= 0) into[name] ??= variable.slice(at + 1);
  }
  const { type = '', build = '', began = '', token = '', mnt = '', pid = '', user = '', net = '', root = '' } = fields;
  const { netns } = fields;
  // One look at all of them takes a fraction of one look each, after which there would be nothing to do but the same.
  if (!allFields.test([type, build, began, token, mnt, pid, user, net, root, netns ?? '/proc/0/fd/0'].join('\0')))
    throw new FrameError(complaint(fields));
  return {
    type,
    build,
    began: Number(began),
    token,
    place: { mnt, pid, user, net, root },
    ...(netns !== undefined && { netns }),
    env,
    stdin: payload.subarray(isEmpty ? 1 : end + 2),
  };
}

/** "device:inode" */
const inode = '\\d+:\\d+';

/** What each of the variables besides CNI_* must be, as regular expressions. */
const patterns = {
  type: '[\\w.-]+',
  build: '[\\w.+-]+',
  began: '\\d{1,15}',
  token: '[0-9a-f]{32}',
  mnt: inode,
  pid: inode,
  user: inode,
  net: inode,
  root: inode,
  netns: '/proc/\\d+/fd/\\d+',
} as const;

type Field = keyof typeof patterns;

const allFields = new RegExp(`^${Object.values(patterns).join('\0')}$`);

/** About the first that is not as it must be. */
function complaint(fields: Partial<Record<Field, string>>): string {
  const [name] = Object.entries(patterns).find(([name, pattern]) => {
    const value = fields[name as Field];
    return name === 'netns' && value === undefined ? false : !new RegExp(`^${pattern}$`).test(value ?? '');
  }) ?? [''];
  return `a request whose "${name}" is ${JSON.stringify(fields[name as Field] ?? '')}`;
}
