import { mkdirSync } from 'node:fs';
import { CniError, ErrorCode } from '../cni/errors';
import type { LockRequest } from '../kernel/contract';
import { KernelError } from '../kernel/errors';
import { type AttachmentKey, digest } from './identity';
import type { Platform } from './platform';
import { recordName } from './records';

/** How long a request waits for another one that works on the same thing, before it tells the runtime to come again. */
const patienceMs = 60_000;

/** How a thing is locked. */
export interface LockOptions {
  /** Beside others who want no more than that: to look, or to put back what is on record. */
  shared?: boolean;
  /** Less patience than usual. */
  patienceMs?: number;
}

type LockingPlatform = Pick<Platform, 'kernel' | 'stateDir'>;

/** One byte of `/run/trestle/lock` per thing: 48 bits of a hash, so that two things practically never share one. */
function offsetOf(...parts: string[]): number {
  return digest(...parts).readUIntBE(0, 6);
}

const lockFile = ({ stateDir }: LockingPlatform): string => `${stateDir}/lock`;

/** Nearly always it is free, and had at once. */
function tryLock({ kernel, stateDir }: LockingPlatform, request: LockRequest): number | null {
  try {
    return kernel.tryLock(request);
  } catch (error) {
    if (!(error instanceof KernelError) || error.errno !== 'ENOENT') throw error;
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    return kernel.tryLock(request);
  }
}

async function take(
  platform: LockingPlatform,
  offset: number,
  what: string,
  { shared = false, patienceMs: timeoutMs = patienceMs }: LockOptions = {},
): Promise<() => void> {
  const request = { kind: 'ofd', path: lockFile(platform), offset, shared, timeoutMs } as const;
  const lock = tryLock(platform, request) ?? (await platform.kernel.lock(request));
  if (lock === null) throw new CniError(ErrorCode.tryAgainLater, `${what} is still being worked on by another call`);
  return () => platform.kernel.unlock(lock);
}

async function holding<T>(locked: Promise<() => void>, work: () => Promise<T>): Promise<T> {
  const unlock = await locked;
  try {
    return await work();
  } finally {
    unlock();
  }
}

/**
 * By the name of its record, so that whoever sees only that file can lock the attachment, too: 48 bits of the hash that it
 * is, and what else there is of the name.
 */
function offsetOfRecord(name: string): number {
  let offset = Number.parseInt(name.slice(0, 12), 16) || 0;
  for (let i = 12; i < name.length; i++) offset = (offset * 31 + name.charCodeAt(i)) % 2 ** 48;
  return offset;
}

/** From now on no other request, of the daemon or of a cold process, works on this attachment. The returned function lets go. Code 11 when patience ends. */
export function lockAttachment(
  platform: LockingPlatform,
  key: AttachmentKey,
  type: string,
  options?: LockOptions,
): Promise<() => void> {
  const what = `interface ${key.ifname} of container ${key.containerId} in network ${key.network}`;
  return take(platform, offsetOfRecord(recordName(key, type)), what, options);
}

/** Runs `work` under {@link lockAttachment}. */
export function withAttachmentLock<T>(
  platform: LockingPlatform,
  key: AttachmentKey,
  type: string,
  work: () => Promise<T>,
  options?: LockOptions,
): Promise<T> {
  return holding(lockAttachment(platform, key, type, options), work);
}

/** Runs `work` while nobody else changes a thing that several attachments share, such as a bridge. */
export function withSharedLock<T>(platform: LockingPlatform, thing: string, work: () => Promise<T>): Promise<T> {
  return holding(take(platform, offsetOf('shared', thing), thing), work);
}

/**
 * Runs `work` beside that of others who are no more than `beside`, or `alone`. Who waits for that keeps those behind it
 * waiting, so that its turn comes however many there are.
 */
export function inTurn<T>(
  platform: LockingPlatform,
  thing: string,
  how: 'beside' | 'alone',
  work: () => Promise<T>,
  options?: Pick<LockOptions, 'patienceMs'>,
): Promise<T> {
  const entered = holding(take(platform, offsetOf('turn', thing), thing, options), () =>
    take(platform, offsetOf('room', thing), thing, { ...options, shared: how === 'beside' }),
  );
  return holding(entered, work);
}

/** Runs `work` if nobody works on the attachment right now; otherwise leaves it alone and answers false. */
export function ifIdle(
  platform: LockingPlatform,
  key: AttachmentKey,
  type: string,
  work: () => Promise<void> = async () => {},
  options?: Pick<LockOptions, 'shared'>,
): Promise<boolean> {
  return ifRecordIdle(platform, recordName(key, type), work, options);
}

/** As {@link ifIdle}, by the name of the attachment's record. */
export async function ifRecordIdle(
  platform: LockingPlatform,
  name: string,
  work: () => Promise<void>,
  { shared = false }: Pick<LockOptions, 'shared'> = {},
): Promise<boolean> {
  const offset = offsetOfRecord(name);
  const lock = tryLock(platform, { kind: 'ofd', path: lockFile(platform), offset, shared, timeoutMs: 0 });
  if (lock === null) return false;
  try {
    await work();
    return true;
  } finally {
    platform.kernel.unlock(lock);
  }
}
