import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { readRegularFile } from '../regular-file';

/**
 * libcni's cache of results (`<folder>/results/<network>-<container ID>-<ifname>`, mode 0600), in its own format, so that
 * whoever uses libcni can CHECK and DEL what we have added, and the other way round.
 */

/** An attachment as a runtime knows it. */
export interface Attachment {
  containerId: string;
  /** A path. */
  netns: string;
  ifname: string;
  /** CNI_ARGS as pairs. */
  args: readonly (readonly [string, string])[];
  /** What the capabilities of a network's plugins may ask for: `portMappings`, `ips`, … */
  capabilityArgs: Readonly<Record<string, unknown>>;
}

/** What is kept of an attachment. */
export interface CachedAttachment extends Attachment {
  network: string;
  /** The configuration list's bytes. */
  config: Buffer;
  /** As the plugin chain has answered. */
  result?: Record<string, unknown>;
}

/** libcni's names. */
interface CacheFile {
  kind: string;
  containerId: string;
  config: string;
  ifName: string;
  networkName: string;
  netns?: string;
  cniArgs?: [string, string][];
  capabilityArgs?: Record<string, unknown>;
  result?: Record<string, unknown>;
}

const kind = 'cniCacheV1';

/** Bytes. */
const largestFile = 16 * 1024 * 1024;

type Key = Pick<CachedAttachment, 'network' | 'containerId' | 'ifname'>;

/** Where libcni keeps it. */
export const defaultCacheFolder = '/var/lib/cni';

const pathOf = (folder: string, { network, containerId, ifname }: Key): string =>
  join(folder, 'results', `${network}-${containerId}-${ifname}`);

/** Not in that folder: libcni takes every file there for an attachment. */
const draftOf = (folder: string, { network, containerId, ifname }: Key): string =>
  join(folder, `.trestle-${network}-${containerId}-${ifname}`.slice(0, 255));

/** Writes what is known of an attachment; by rename, since libcni may read at any time. */
export function writeCache(folder: string, attachment: CachedAttachment): void {
  const { containerId, ifname, network, netns, args, capabilityArgs, config, result } = attachment;
  const file: CacheFile = {
    kind,
    containerId,
    config: config.toString('base64'),
    ifName: ifname,
    networkName: network,
    ...(netns !== '' && { netns }),
    ...(args.length > 0 && { cniArgs: args.map(([key, value]) => [key, value]) }),
    ...(Object.keys(capabilityArgs).length > 0 && { capabilityArgs }),
    ...(result && { result }),
  };
  const path = pathOf(folder, attachment);
  mkdirSync(join(folder, 'results'), { recursive: true, mode: 0o700 });
  const draft = draftOf(folder, attachment);
  writeFileSync(draft, JSON.stringify(file), { mode: 0o600 });
  renameSync(draft, path);
}

/** What is known of an attachment: undefined where there is nothing, or nothing that can be understood. */
export function readCache(folder: string, key: Key): CachedAttachment | undefined {
  return readFile(pathOf(folder, key));
}

/** When an attachment was written down, milliseconds since the epoch; undefined for one that is not known. */
export function cacheTime(folder: string, key: Key): number | undefined {
  try {
    return statSync(pathOf(folder, key)).mtimeMs;
  } catch {
    // There is none, or no folder for it either.
    return undefined;
  }
}

/** Forgets an attachment, and what a writer that was killed has left; one that is not known is no error. */
export function removeCache(folder: string, key: Key): void {
  rmSync(draftOf(folder, key), { force: true });
  rmSync(pathOf(folder, key), { force: true });
}

/** Every attachment that is known, in the order of their files' names. */
export function listCache(folder: string): CachedAttachment[] {
  const results = join(folder, 'results');
  return names(results)
    .sort()
    .flatMap((name) => readFile(join(results, name)) ?? []);
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function readFile(path: string): CachedAttachment | undefined {
  try {
    return understood(JSON.parse(readRegularFile(path, largestFile)));
  } catch {
    // Gone, half-written or somebody else's: there is nothing to be had from it, as for libcni.
    return undefined;
  }
}

function understood(file: Partial<CacheFile> | null): CachedAttachment | undefined {
  if (file?.kind !== kind || !file.containerId || !file.ifName || !file.networkName) return undefined;
  const { containerId, ifName, networkName, config = '', cniArgs = [], capabilityArgs = {}, result } = file;
  return {
    network: networkName,
    containerId,
    ifname: ifName,
    netns: file.netns || sandboxIn(result),
    args: cniArgs,
    capabilityArgs,
    config: Buffer.from(config, 'base64'),
    ...(result && { result }),
  };
}

/** The namespace, where a libcni before 1.2 has kept none: as plugins put it into the result. "" where that has none. */
function sandboxIn(result: CacheFile['result']): string {
  const interfaces = Array.isArray(result?.interfaces) ? result.interfaces : [];
  return interfaces.map((one) => one?.sandbox).find((path) => typeof path === 'string' && isAbsolute(path)) ?? '';
}
