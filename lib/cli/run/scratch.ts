import { randomBytes } from 'node:crypto';
import type { Attachment } from '../../cni/runtime/cache';
import { addNetwork, delNetwork } from '../../cni/runtime/chain';
import type { Network } from '../../cni/runtime/network';
import { KernelError } from '../../kernel/errors';
import { base32 } from '../../plugin/identity';
import { CommandError } from '../command';
import type { CommandRuntime } from '../runtime';
import { oneAtATime } from '../turns';
import { lockRun, netnsPrefix, type RecordedNetwork, type RunRecord, recordPath, removeRun, writeRun } from './records';

/** A run that this process holds the lock of: its scratch namespace, and what is attached to it. */
export interface Scratch {
  id: string;
  lock: number;
  record: RunRecord;
}

/** Milliseconds: nobody holds the lock of a new run but, for a moment, another one that looks whether it is dead. */
const patience = 10_000;

/** Makes a scratch namespace, on record. `held` is told its lock before there is anything to be cleaned up. */
export async function makeScratch({ platform }: CommandRuntime, held: (lock: number) => void) {
  const id = base32(randomBytes(8), 12);
  const lock = await lockRun(platform, id, patience);
  if (lock === null) throw new CommandError(`run ${id} is locked by another process`);
  held(lock);
  const scratch: Scratch = { id, lock, record: { version: 1, netns: `${netnsPrefix}${id}`, attachments: [] } };
  writeRun(platform, id, scratch.record);
  try {
    await platform.kernel.makeNetns(scratch.record.netns);
  } catch (error) {
    forget(platform, scratch);
    throw error;
  }
  return scratch;
}

/** Attaches the scratch namespace to a network, on record before anything is done. Answers with the result of the ADD. */
export async function attach(runtime: CommandRuntime, scratch: Scratch, network: Network, attachment: Attachment) {
  const { platform } = runtime;
  const { record, id } = scratch;
  const { name, cniVersion, plugins } = network;
  record.attachments.push({ network: { name, cniVersion, plugins }, attachment });
  writeRun(platform, id, record);
  let isTakenBack = true;
  const warn = (message: string) => {
    isTakenBack = false;
    runtime.warn(message);
  };
  try {
    return await oneAtATime(runtime, name, attachment, () => addNetwork({ ...runtime, warn }, network, attachment));
  } catch (error) {
    // A failed ADD has been taken back, unless that gave rise to a warning.
    if (isTakenBack) record.attachments.pop();
    throw error;
  }
}

/**
 * Detaches everything in reverse and removes the namespace. What cannot be detached is warned of and stays on record, and
 * with it the namespace: the next run tries again.
 */
export async function removeScratch(runtime: CommandRuntime, scratch: Scratch): Promise<void> {
  const { platform, warn } = runtime;
  const left = await detach(runtime, scratch.record);
  // Nothing is detached from a namespace that may have gone.
  writeRun(platform, scratch.id, { ...scratch.record, attachments: left });
  if (left.length === 0 && (await removed(runtime, scratch.record.netns))) return forget(platform, scratch);
  platform.kernel.unlock(scratch.lock);
  warn(`the next run tries again, as long as there is ${recordPath(platform, scratch.id)}`);
}

/** Answers with what is still attached. */
async function detach(runtime: CommandRuntime, { netns, attachments }: RunRecord): Promise<RunRecord['attachments']> {
  const left: RunRecord['attachments'] = [];
  for (const one of [...attachments].reverse()) {
    try {
      await oneAtATime(runtime, one.network.name, one.attachment, () =>
        delNetwork(runtime, asNetwork(one.network), one.attachment),
      );
    } catch (error) {
      left.unshift(one);
      runtime.warn(`${netns} is still attached to network "${one.network.name}": ${(error as Error).message}`);
    }
  }
  return left;
}

async function removed({ platform, warn }: CommandRuntime, netns: string): Promise<boolean> {
  try {
    await platform.kernel.removeNetns(netns);
    return true;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    warn(error.message);
    return false;
  }
}

/** What it has made stays, and is its maker's from now on. */
export function forget(platform: CommandRuntime['platform'], { id, lock }: Scratch): void {
  removeRun(platform, id);
  platform.kernel.unlock(lock);
}

/** To detach needs no more than what is on record. */
const asNetwork = (network: RecordedNetwork): Network => ({
  ...network,
  disableCheck: false,
  disableGC: false,
  bytes: Buffer.alloc(0),
});
