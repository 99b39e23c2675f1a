import { type CniArgs, parseArgs } from './args';
import { CniError, ErrorCode } from './errors';
import { isLinkName } from './link-name';
import type { Command } from './request';

/** What `CNI_*` says, checked. */
export interface Environment {
  containerId: string;
  netns: string;
  ifname: string;
  args: CniArgs;
  path: string[];
  netnsOverride: boolean;
  warnings: string[];
}

type Variables = Readonly<Record<string, string | undefined>>;

const commands: readonly string[] = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] satisfies Command[];

/** The variables that a command needs, in the order in which the reference names them. */
const required = {
  ADD: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'],
  CHECK: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'],
  DEL: ['CNI_CONTAINERID', 'CNI_IFNAME', 'CNI_PATH'],
  GC: ['CNI_PATH'],
  STATUS: ['CNI_PATH'],
} as const;

/** The characters of a container ID and of a network's name (specification, "Parameters"). */
export const identifier = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** IFNAMSIZ less the closing NUL. */
const maxIfnameBytes = 15;

/** The command. Code 4 for none, and for one that the specification does not have. */
export function parseCommand(env: Variables): Command {
  const command = env.CNI_COMMAND ?? '';
  if (commands.includes(command)) return command as Command;
  throw invalid(`unknown CNI_COMMAND: ${command}`);
}

/** Every other variable, as far as the command uses it. Code 4. */
export function parseEnvironment(env: Variables, command: Exclude<Command, 'VERSION'>): Environment {
  assertComplete(env, command);
  const isForAttachment = command !== 'GC' && command !== 'STATUS';
  const attachment = isForAttachment ? parseAttachment(env) : { containerId: '', netns: '', ifname: '' };
  const override = (env.CNI_NETNS_OVERRIDE ?? '').toUpperCase();
  return {
    ...attachment,
    ...argsFor(command, isForAttachment ? (env.CNI_ARGS ?? '') : ''),
    path: (env.CNI_PATH ?? '').split(':').filter((folder) => folder !== ''),
    netnsOverride: override === '1' || override === 'TRUE',
  };
}

function assertComplete(env: Variables, command: keyof typeof required): void {
  const missing = required[command].filter((name) => !env[name]);
  if (missing.length > 0) throw invalid(`required env variables [${missing.join(',')}] missing`);
}

function parseAttachment(env: Variables): Pick<Environment, 'containerId' | 'netns' | 'ifname'> {
  const { CNI_CONTAINERID: containerId = '', CNI_NETNS: netns = '', CNI_IFNAME: ifname = '' } = env;
  if (!identifier.test(containerId)) throw invalid('invalid characters in containerID', containerId);
  assertIfname(ifname);
  if (netns.includes('\0')) throw invalid('invalid characters in CNI_NETNS');
  return { containerId, netns, ifname };
}

/** The kernel's rules for a link's name. Code 4. */
export function assertIfname(ifname: string): void {
  if (Buffer.byteLength(ifname) > maxIfnameBytes) {
    throw invalid('interface name is too long', `interface name should be less than ${maxIfnameBytes + 1} characters`);
  }
  // The kernel would take it for a pattern, and make "eth0" of "eth%d".
  if (ifname.includes('%')) throw invalid('interface name contains %');
  if (ifname === '.' || ifname === '..') throw invalid('interface name is . or ..');
  // U+0085 is white space to Go, and not to JavaScript.
  if (/[/:\s\0\u0085]/.test(ifname)) throw invalid('interface name contains / or : or whitespace characters');
  if (!isLinkName(ifname)) throw invalid('interface name is none that the kernel takes', ifname);
}

/** A DEL must not fail for arguments that cannot be read. */
function argsFor(command: Command, text: string): Pick<Environment, 'args' | 'warnings'> {
  try {
    return { args: parseArgs(text), warnings: [] };
  } catch (error) {
    if (command !== 'DEL') throw error;
    return { args: parseArgs(''), warnings: [`CNI_ARGS ignored: ${(error as CniError).msg}`] };
  }
}

function invalid(msg: string, details = ''): CniError {
  return new CniError(ErrorCode.invalidEnvironment, msg, details);
}
