import type { CniArgs } from './args';
import { parseValidAttachments, type ValidAttachment } from './attachments';
import { configVersion, decodeConfig, lookup, lookupString } from './decode';
import { type Environment, identifier, parseCommand, parseEnvironment } from './environment';
import { CniError, ErrorCode } from './errors';
import { parseResult } from './parse-result';
import type { Result } from './result';
import { assertSupported, isAtLeast } from './versions';

export type Command = 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS' | 'VERSION';

/** What the runtime gave a plugin: `CNI_*` variables and standard input, as text, nothing decided yet. */
export interface RawRequest {
  /** The plugin's type: the name it was called by, or of the delegate. */
  type: string;
  env: Readonly<Record<string, string | undefined>>;
  stdin: Buffer;
  /** What `decodeConfig` makes of `stdin`, where that has been done already. */
  config?: Readonly<Record<string, unknown>> | undefined;
}

/** A request that is well-formed: every field is checked as far as the protocol goes. */
export interface Request {
  type: string;
  command: Exclude<Command, 'VERSION'>;
  /** "" for GC and STATUS. */
  containerId: string;
  /** A path; "" when DEL came without, and for GC and STATUS. */
  netns: string;
  ifname: string;
  args: CniArgs;
  /** CNI_PATH, split; empty elements are left out. */
  path: string[];
  /** CNI_NETNS_OVERRIDE: the pod's namespace may be the caller's own. */
  netnsOverride: boolean;
  /** The configuration's version, "0.1.0" when it names none. */
  cniVersion: string;
  /** The network's name; "" is possible only where a plugin allows it (loopback). */
  name: string;
  /** The configuration, decoded and otherwise as it came: keys in the runtime's own case. */
  config: Record<string, unknown>;
  /** Standard input as it came: what a delegate is given. */
  stdin: Buffer;
  /** The configuration's prevResult, in the newest shape. */
  prevResult?: Result;
  /** GC only: the list; absent when the configuration has none (then nothing may be collected). */
  validAttachments?: ValidAttachment[];
  /** What was wrong and is ignored, since a DEL does what it can. */
  warnings: string[];
}

export interface RequestOptions {
  /** The network needs no name (loopback). */
  nameless?: boolean | undefined;
  /** The versions of the specification that the plugin takes; all of them by default. */
  versions?: readonly string[] | undefined;
}

/** VERSION has nothing else that could be wrong. */
export interface VersionRequest {
  type: string;
  command: 'VERSION';
}

/** Bytes: what a file system takes (NAME_MAX). */
const maxFileName = 255;

/**
 * A request out of what the runtime gave, with everything checked that the protocol prescribes.
 * Throws {@link CniError} 4 (environment), 6 (not decodable), 1 (version), 7 (name, list of attachments), in this order.
 */
export function parseRequest(raw: RawRequest, options: RequestOptions = {}): Request | VersionRequest {
  const { type, env, stdin } = raw;
  const command = parseCommand(env);
  if (command === 'VERSION') return { type, command };
  const environment = parseEnvironment(env, command);
  const config = raw.config ?? decodeConfig(stdin);
  const cniVersion = configVersion(config);
  const name = lookupString(config, 'name');
  assertSupported(cniVersion, options.versions);
  assertAllowed(command, cniVersion);
  assertName(name, environment, options.nameless ?? false);
  const { warnings, ...documents } = readDocuments(command, config, cniVersion);
  return {
    type,
    command,
    cniVersion,
    name,
    config,
    stdin,
    ...environment,
    ...documents,
    warnings: [...environment.warnings, ...warnings],
  };
}

/** Whether the configuration's version has the command. */
function assertAllowed(command: Request['command'], cniVersion: string): void {
  const since = { ADD: '0.1.0', DEL: '0.1.0', CHECK: '0.4.0', GC: '1.1.0', STATUS: '1.1.0' } as const;
  if (isAtLeast(cniVersion, since[command])) return;
  throw new CniError(ErrorCode.incompatibleVersion, `config version does not allow ${command}`);
}

/**
 * The network's name, and its length: `<name>-<container ID>-<ifname>` must do as a file name, as libcni's cache needs it
 * too. The reference looks at neither length and fails wherever the file is made, after half of the work.
 */
function assertName(name: string, { containerId, ifname }: Environment, nameless: boolean): void {
  if (name === '' && !nameless) throw new CniError(ErrorCode.invalidConfig, 'missing network name');
  if (name !== '' && !identifier.test(name)) {
    throw new CniError(ErrorCode.invalidConfig, 'invalid characters found in network name', name);
  }
  const length = Buffer.byteLength([name, containerId, ifname].join('-'));
  if (length <= maxFileName) return;
  const [code, what] =
    name.length > containerId.length
      ? [ErrorCode.invalidConfig, 'network name']
      : [ErrorCode.invalidEnvironment, 'containerID'];
  throw new CniError(
    code,
    `${what} is too long`,
    `name-containerID-ifname has ${length} bytes, at most ${maxFileName} are possible`,
  );
}

/** What the configuration carries for the command beside itself. */
function readDocuments(
  command: Request['command'],
  config: Record<string, unknown>,
  cniVersion: string,
): Pick<Request, 'prevResult' | 'validAttachments' | 'warnings'> {
  switch (command) {
    case 'ADD':
    case 'CHECK':
    case 'DEL':
      return readPrevResult(command, lookup(config, 'prevResult'), cniVersion);
    case 'GC': {
      const validAttachments = parseValidAttachments(config);
      return { ...(validAttachments && { validAttachments }), warnings: [] };
    }
    case 'STATUS':
      return { warnings: [] };
    default:
      return command satisfies never;
  }
}

function readPrevResult(command: string, value: unknown, cniVersion: string): Pick<Request, 'prevResult' | 'warnings'> {
  if (value === undefined) return { warnings: [] };
  try {
    return { prevResult: parseResult(value, cniVersion, 'prevResult'), warnings: [] };
  } catch (error) {
    if (command !== 'DEL') throw error;
    return { warnings: [`prevResult ignored: ${(error as Error).message}`] };
  }
}
