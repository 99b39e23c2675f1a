import { constants, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { removeFile } from '../cni/absent';
import type { ConntrackFlow, NftElements, NftFamily, Ns } from '../kernel/contract';
import { type AttachmentKey, digest } from './identity';

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

const folder = (store: RecordStore): string => `${store.stateDir}/attachments`;

/** Its file's name: forty digits and the type, which stands outside the hash, so that all records of an interface are found without knowing it. */
export function recordName(key: AttachmentKey, type: string): string {
  return `${digest(key.network, key.containerId, key.ifname).toString('hex', 0, 20)}.${type}.json`;
}

const pathOf = (store: RecordStore, key: AttachmentKey, type: string): string =>
  `${folder(store)}/${recordName(key, type)}`;

/**
 * Begins a record, in place of a void one if there is one; its attachment must be locked. Its file consists of lines of JSON:
 * the record as it is at first, and then what is new each time. A line is one write, so that a reader never sees half of
 * one, and one whose writer was stopped by a full disk counts for nothing.
 */
export function writeRecord(store: RecordStore, record: AttachmentRecord): void {
  create(pathOf(store, record, record.type), `${JSON.stringify(record)}\n`);
}

/** Notes what is new of a record that is there. */
export function amendRecord(
  store: RecordStore,
  { type, ...key }: AttachmentRecord,
  changes: Partial<AttachmentRecord>,
): void {
  // What may be left of a line before it is closed by the first line break.
  const line = `\n${JSON.stringify(changes)}\n`;
  writeFileSync(pathOf(store, key, type), line, { flag: appending });
}

/** "a", which makes no file. Node takes a number as well; its types do not know. */
const appending = (constants.O_WRONLY | constants.O_APPEND) as unknown as string;

/** The folder is there nearly always, and is made when it turns out that it is not. */
function create(path: string, text: string): void {
  const write = (): void => writeFileSync(path, text, { flag: 'ax', mode: 0o600 });
  try {
    write();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    else if (code === 'EEXIST') removeFile(path);
    else throw error;
    write();
  }
}

/** The record of this attachment; undefined when there is none, or only one of another boot. */
export function readRecord(store: RecordStore, key: AttachmentKey, type: string): AttachmentRecord | undefined {
  return load(store, recordName(key, type));
}

/** Removes the record; one that is gone already is no error. */
export function removeRecord(store: RecordStore, key: AttachmentKey, type: string): void {
  removeFile(pathOf(store, key, type));
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

/** The names of the records whose writer works on the first line, or was killed over it. */
export function listUnfinished(store: RecordStore): string[] {
  return names(store).filter((name) => name.endsWith('.json') && isUnfinished(store, name));
}

/** Removes a record by its name, if it is still an unfinished one. */
export function discardUnfinished(store: RecordStore, name: string): void {
  if (isUnfinished(store, name)) removeFile(`${folder(store)}/${name}`);
}

function isUnfinished(store: RecordStore, name: string): boolean {
  try {
    const text = readFileSync(`${folder(store)}/${name}`, 'utf8');
    return !/.\n/.test(text) && parseLine(text) === undefined;
  } catch {
    return false;
  }
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
  const path = `${folder(store)}/${name}`;
  // Most often there is none, and an exception takes longer than to look.
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  try {
    const record = parseRecord(readFileSync(path, 'utf8'));
    return record?.version === 1 && record.bootId === store.bootId ? record : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Undefined where the first line, without which the others say nothing, is none. */
function parseRecord(text: string): AttachmentRecord | undefined {
  const [first, ...changes] = text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseLine);
  return first && (Object.assign(first, ...changes) as AttachmentRecord);
}

function parseLine(line: string): object | undefined {
  try {
    return JSON.parse(line) ?? undefined;
  } catch {
    return undefined;
  }
}
