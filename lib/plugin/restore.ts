import type { NftBatch } from '../kernel/contract';
import { type Call, hostRun } from './call';
import { observe, type Run, remove } from './kernel-run';
import { ifIdle, inTurn, withAttachmentLock } from './locks';
import type { Platform } from './platform';
import { type AttachmentRecord, type ElementsNote, hasRecordOf, listRecords, readRecord } from './records';

/**
 * Tables of ours that somebody else has taken away (`nft flush ruleset`, as a firewall does that starts anew) are made
 * again from the attachment records, with all that attachments had in them.
 */

/** After an ADD has had to make a table that others may have had elements in. */
export function restoreOthers(call: Call): Promise<void> {
  return restoreAll(call.platform, hostRun(call));
}

/**
 * If a table is not there that this attachment has elements in, or where it has none because it is idle, that others of
 * its plugin have.
 */
export async function restoreLost(call: Call): Promise<void> {
  const { plugin, platform, identity } = call;
  const record = readRecord(platform, identity, plugin.type);
  const needed = record ? record.elements : (plugin.tables ?? []);
  if (needed.length === 0 || (!record && !hasRecordOf(platform, plugin.type))) return;
  const run = hostRun(call);
  const { tables } = await observe(run, { tables: { query: 'nft.tables', ns: 'host' } } as const);
  const isThere = ({ family, table }: Pick<NftBatch, 'family' | 'table'>): boolean =>
    tables.some((it) => it.family === family && it.name === table);
  if (!needed.every(isThere)) await restoreAll(platform, run);
}

/** Where all is put back at once, and whoever looks meanwhile waits. */
const place = 'what attachments had in nftables';

/** With the locks that a request may have to wait for beside this one it must end before systemd ends the daemon. */
const briefly = { patienceMs: 5000 };

/** Looks at tables of ours while none of them is being restored: what is not there yet is no loss. */
export function whileRestored<T>(platform: Platform, look: () => Promise<T>): Promise<T> {
  return inTurn(platform, place, 'beside', look, briefly);
}

/**
 * Every attachment's elements, as far as they are not there. What cannot be restored is worth a warning, and keeps no other
 * from it: whoever is served meanwhile has no part in it.
 */
export async function restoreAll(platform: Platform, run: Run): Promise<void> {
  const complain = ({ message }: Error): void => platform.warn(`restore ${place}: ${message}`);
  const all = async (): Promise<void> => {
    for (const record of listRecords(platform, complain).filter(hasElements))
      await restore(platform, run, record).catch(complain);
  };
  await inTurn(platform, place, 'alone', all, briefly).catch(complain);
}

const hasElements = ({ state, elements }: AttachmentRecord): boolean =>
  state === 'complete' && elements.some(({ ensure }) => ensure !== undefined);

/** A DEL says on record that it has begun, and an ADD, which is complete, holds its lock until its runtime has the answer. Milliseconds. */
const patienceMs = 1000;

/** Beside a CHECK. What a DEL works on is left to it. */
async function restore(platform: Platform, run: Run, { type, ...key }: AttachmentRecord): Promise<void> {
  const whole = (): AttachmentRecord | undefined => {
    const record = readRecord(platform, key, type);
    return record && hasElements(record) ? record : undefined;
  };
  const putBack = async (): Promise<void> => {
    const record = whole();
    if (record === undefined) return;
    for (const { op, message } of await remove(run, record.elements.flatMap(batchOf)))
      platform.warn(`restore what ${record.ifname} of container ${record.containerId} had: ${op}: ${message}`);
  };
  if (await ifIdle(platform, key, type, putBack, { shared: true })) return;
  if (whole()) await withAttachmentLock(platform, key, type, putBack, { shared: true, patienceMs });
}

function batchOf({ family, table, ensure, sets }: ElementsNote): NftBatch[] {
  if (ensure === undefined) return [];
  return [{ op: 'nft.batch', ns: 'host', family, table, ensure: JSON.parse(ensure), add: sets }];
}
