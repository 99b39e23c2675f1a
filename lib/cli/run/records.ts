import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { readRegularFile } from '../../cni/regular-file';
import type { Attachment } from '../../cni/runtime/cache';
import type { Network } from '../../cni/runtime/network';
import type { Platform } from '../../plugin/platform';

/**
 * What a run has made, in `/run/trestle/runs/<id>.json`: written before it is made, and removed when it is gone. Beside it
 * is `<id>.lock`, whose lock is held for as long as the run lives: what nobody holds is to be cleaned up by the next run.
 */
export interface RunRecord {
  version: 1;
  netns: string;
  /** In the order of their ADDs, with the networks as they were then: their files may change or go. */
  attachments: { network: RecordedNetwork; attachment: Attachment }[];
}

export type RecordedNetwork = Pick<Network, 'name' | 'cniVersion' | 'plugins'>;

/** Where the scratch namespaces are, and what their names begin with. */
export const netnsPrefix = '/run/netns/trestle-';

const schema = v.object({
  version: v.literal(1),
  // Whatever a file says, no namespace of anybody else is removed.
  netns: v.pipe(v.string(), v.regex(/^\/run\/netns\/trestle-[a-z2-7]+$/)),
  attachments: v.array(
    v.object({
      network: v.object({
        name: v.string(),
        cniVersion: v.string(),
        plugins: v.array(v.object({ type: v.string(), config: v.record(v.string(), v.unknown()) })),
      }),
      attachment: v.object({
        containerId: v.string(),
        netns: v.string(),
        ifname: v.string(),
        args: v.array(v.tuple([v.string(), v.string()])),
        capabilityArgs: v.record(v.string(), v.unknown()),
      }),
    }),
  ),
});

/** Bytes: that of thousands of networks. */
const largestRecord = 64 * 1024 * 1024;

type Store = Pick<Platform, 'stateDir'>;

const folder = ({ stateDir }: Store): string => join(stateDir, 'runs');

export const recordPath = (store: Store, id: string): string => join(folder(store), `${id}.json`);
const draftPath = (store: Store, id: string): string => join(folder(store), `${id}.tmp`);
const lockPath = (store: Store, id: string): string => join(folder(store), `${id}.lock`);

/** The run's lock as a descriptor, or null if another process holds it for longer than `timeoutMs`. */
export function lockRun(store: Pick<Platform, 'stateDir' | 'kernel'>, id: string, timeoutMs: number) {
  mkdirSync(folder(store), { recursive: true, mode: 0o700 });
  return store.kernel.lock({ kind: 'flock', path: lockPath(store, id), timeoutMs });
}

/** Writes the record whole or not at all. */
export function writeRun(store: Store, id: string, record: RunRecord): void {
  writeFileSync(draftPath(store, id), JSON.stringify(record), { mode: 0o600 });
  renameSync(draftPath(store, id), recordPath(store, id));
}

/** The record; undefined for a run that had made nothing yet. Throws for a file that is no record. */
export function readRun(store: Store, id: string): RunRecord | undefined {
  let text: string;
  try {
    text = readRegularFile(recordPath(store, id), largestRecord);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return v.parse(schema, JSON.parse(text));
}

/** Forgets a run, the lock last: as long as it is there, so is somebody who knows of the run. */
export function removeRun(store: Store, id: string): void {
  for (const path of [recordPath(store, id), draftPath(store, id), lockPath(store, id)]) rmSync(path, { force: true });
}

/** The ids of all runs, dead and alive. */
export function listRuns(store: Store): string[] {
  try {
    return [...new Set(readdirSync(folder(store)).map((name) => name.replace(/\.\w+$/, '')))].sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
