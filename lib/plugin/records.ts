import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFile } from '../cni/absent';
import type { ConntrackFlow, NftElements, NftFamily, Ns } from '../kernel/contract';
import { type AttachmentKey, base32, digest } from './identity';

/** What an attachment has made in the kernel and what a removal needs to find it again. */
export interface Footprint {
  links: { ns: Ns; name: string; mac?: string }[];
  /** `afterLinks`: they were there before the links and go after them. */
  elements: ElementsNote[];
  /** Connections that go on as they are until they are ended: what answers them will not be there any more. */
  flows?: ConntrackFlow[];
}

/** Elements in a table of nftables. */
export interface ElementsNote {
  family: NftFamily;
  table: string;
  sets: NftElements[];
  /** What they need there, the JSON text of an `NftEnsure`: with it they can be put back if the table is lost. */
  ensure?: string;
  afterLinks?: true;
}

/**
 * An attachment record: written before the first change with everything that is about to exist, completed at the end,
 * removed after the deletion. It tells debris from a live attachment and makes DEL independent of the configuration.
 */
export interface AttachmentRecord extends AttachmentKey, Footprint {
  version: 1;
  bootId: string;
  state: 'incomplete' | 'complete';
  /** When ADD wrote it last, milliseconds since the epoch: a file's own time is a clock tick behind. */
  noted: number;
  type: string;
  netns: string;
  /** The delegate that may hold a lease, "" for none; it is undone with the configuration below. */
  ipam: string;
  /** The configuration of the ADD as it came: what a delegate's DEL is given. */
  config: Record<string, unknown>;
  /** Which request made it, if another process may be told to finish that. */
  token?: string;
}

/** Where records are and which boot they must be of. */
export interface RecordStore {
  stateDir: string;
  bootId: string;
}

/** What the name of a file ends with that is yet to become a record. */
const unfinished = '.tmp';

const folder = (store: RecordStore): string => join(store.stateDir, 'attachments');

/** Its file's name. The type stands outside the hash, so that all records of an interface are found without knowing it. */
export function recordName(key: AttachmentKey, type: string): string {
  return `${base32(digest(key.network, key.containerId, key.ifname), 32)}.${type}.json`;
}

/** Writes the record whole or not at all (temporary file, rename): a reader never sees half of one. */
export function writeRecord(store: RecordStore, record: AttachmentRecord): void {
  const path = join(folder(store), recordName(record, record.type));
  writeIn(folder(store), `${path}${unfinished}`, JSON.stringify(record));
  renameSync(`${path}${unfinished}`, path);
}

/** The folder is there nearly always, and is made when it turns out that it is not. */
function writeIn(folder: string, path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(path, text, { mode: 0o600 });
  }
}

/** The record of this attachment; undefined when there is none, or only one of another boot. */
export function readRecord(store: RecordStore, key: AttachmentKey, type: string): AttachmentRecord | undefined {
  return load(store, recordName(key, type));
}

/** Removes the record, and what a writer that was killed left beside it. */
export function removeRecord(store: RecordStore, key: AttachmentKey, type: string): void {
  discardUnfinished(store, recordName(key, type));
  removeFile(join(folder(store), recordName(key, type)));
}

/** Every record of this boot. `unreadable` is told of those that cannot be read, and may throw, as it does by default. */
export function listRecords(store: RecordStore, unreadable: (error: Error) => void = raise): AttachmentRecord[] {
  return names(store)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => {
      try {
        return load(store, name) ?? [];
      } catch (error) {
        unreadable(error as Error);
        return [];
      }
    });
}

function raise(error: Error): never {
  throw error;
}

/** Whether there may be a record of this plugin type. */
export function hasRecordOf(store: RecordStore, type: string): boolean {
  return names(store).some((name) => name.endsWith(`.${type}.json`));
}

/** The names of the records beside which a writer works, or was killed. */
export function listUnfinished(store: RecordStore): string[] {
  return names(store)
    .filter((name) => name.endsWith(unfinished))
    .map((name) => name.slice(0, -unfinished.length));
}

/** Removes what a writer that was killed left beside a record. */
export function discardUnfinished(store: RecordStore, name: string): void {
  removeFile(join(folder(store), `${name}${unfinished}`));
}

/** Whether any plugin type has a record of this boot for this interface. */
export function isAttached(store: RecordStore, key: AttachmentKey, types: Iterable<string>): boolean {
  for (const type of types) if (readRecord(store, key, type)) return true;
  return false;
}

function names(store: RecordStore): string[] {
  try {
    return readdirSync(folder(store));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** A file that is no record of ours (damaged by hand, of a future version) is as good as none: DEL then works without. */
function load(store: RecordStore, name: string): AttachmentRecord | undefined {
  const path = join(folder(store), name);
  // Most often there is none, and an exception takes longer than to look.
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  try {
    const record = JSON.parse(readFileSync(path, 'utf8')) as AttachmentRecord | null;
    return record?.version === 1 && record.bootId === store.bootId ? record : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
