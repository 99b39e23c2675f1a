import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import * as v from 'valibot';
import { maxSize } from '../decode';
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

/** libcni's names. Go writes null for what it has none of. */
const cacheFile = v.object({
  kind: v.literal('cniCacheV1'),
  containerId: v.pipe(v.string(), v.nonEmpty()),
  ifName: v.pipe(v.string(), v.nonEmpty()),
  networkName: v.pipe(v.string(), v.nonEmpty()),
  config: v.nullish(v.string(), ''),
  netns: v.nullish(v.string(), ''),
  cniArgs: v.nullish(v.array(v.tuple([v.string(), v.string()])), []),
  capabilityArgs: v.nullish(v.record(v.string(), v.unknown()), {}),
  result: v.nullish(v.record(v.string(), v.unknown())),
});

type Key = Pick<CachedAttachment, 'network' | 'containerId' | 'ifname'>;

/** Where libcni keeps it. */
export const defaultCacheFolder = '/var/lib/cni';

const nameOf = ({ network, containerId, ifname }: Key): string => `${network}-${containerId}-${ifname}`;

const pathOf = (folder: string, key: Key): string => join(folder, 'results', nameOf(key));

/** Not in that folder: libcni takes every file there for an attachment. */
const draftOf = (folder: string, key: Key): string => join(folder, `.trestle-${nameOf(key)}`.slice(0, 255));

/** Writes what is known of an attachment; by rename, since libcni may read at any time. */
export function writeCache(folder: string, attachment: CachedAttachment): void {
  const { containerId, ifname, network, netns, args, capabilityArgs, config, result } = attachment;
  const file: v.InferInput<typeof cacheFile> = {
    kind: 'cniCacheV1',
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
  return readFile(folder, nameOf(key));
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
  return names(join(folder, 'results'))
    .sort()
    .flatMap((name) => readFile(folder, name) ?? []);
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** A file whose name is another attachment's says nothing: what is done about it would be done to that one's. */
function readFile(folder: string, name: string): CachedAttachment | undefined {
  try {
    const found = understood(JSON.parse(readRegularFile(join(folder, 'results', name), maxSize)));
    return nameOf(found) === name ? found : undefined;
  } catch {
    // Gone, half-written or somebody else's: there is nothing to be had from it, as for libcni.
    return undefined;
  }
}

function understood(json: unknown): CachedAttachment {
  const { networkName, containerId, ifName, netns, config, cniArgs, capabilityArgs, result } = v.parse(cacheFile, json);
  return {
    network: networkName,
    containerId,
    ifname: ifName,
    netns: netns || sandboxIn(result),
    args: cniArgs,
    capabilityArgs,
    config: Buffer.from(config, 'base64'),
    ...(result && { result }),
  };
}

/** The namespace, where a libcni before 1.2 has kept none: as plugins put it into the result. "" where that has none. */
function sandboxIn(result: Record<string, unknown> | null | undefined): string {
  const interfaces = Array.isArray(result?.interfaces) ? result.interfaces : [];
  return interfaces.map((one) => one?.sandbox).find((path) => typeof path === 'string' && isAbsolute(path)) ?? '';
}
