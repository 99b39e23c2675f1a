import { CniError, ErrorCode } from '../cni/errors';
import type { Call } from './call';
import { observe, type Run } from './kernel-run';
import { type AttachmentRecord, readRecord } from './records';

/**
 * What an ADD has to clear first: the record of one that was killed, or of a pod whose namespace went away without a DEL.
 * Code 100 for a live attachment. What a chained plugin has on record is of an earlier life of the pod: the plugin before
 * it in the chain would have refused a second ADD.
 */
export async function debrisOf(call: Call, run: Run): Promise<AttachmentRecord | undefined> {
  const { platform, identity, plugin } = call;
  const record = readRecord(platform, identity, plugin.type);
  if (record === undefined || record.state === 'incomplete') return record;
  // Made by this very request, in a process that ended before it could tell: the runtime knows nothing of it.
  if (record.token !== undefined && record.token === platform.token) return record;
  if (plugin.chained) return record;
  if (!(await isAlive(run, record))) return record;
  const { ifname, containerId, network } = record;
  throw new CniError(
    ErrorCode.alreadyAttached,
    `container ${containerId} is already attached to network "${network}" as "${ifname}"`,
    `added for ${record.netns}; DEL it first`,
  );
}

/** Whether a link of a completed attachment still exists; its links die with its namespace, its lease and elements do not. */
async function isAlive(run: Run, { links }: AttachmentRecord): Promise<boolean> {
  const facts = await observe(
    run,
    Object.fromEntries(links.map(({ ns, name }, i) => [i, { query: 'link', ns, name } as const])),
  );
  return links.length === 0 || links.some(({ mac }, i) => facts[i] && (mac === undefined || facts[i].mac === mac));
}
