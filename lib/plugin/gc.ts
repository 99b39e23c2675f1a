import { parseConfig } from '../cni/config';
import { type Call, hostRun, newCall } from './call';
import type { Debris } from './define';
import { callIpam, ipamType } from './ipam';
import { learn, remove } from './kernel-run';
import { ifIdle, ifRecordIdle } from './locks';
import { type AttachmentRecord, discardUnfinished, listRecords, listUnfinished, readRecord } from './records';
import { demandNoFaults, teardown } from './teardown';

/**
 * GC: removes what is not in the list of valid attachments, first by the records, then by what the kernel still has,
 * then through the IPAM plugin. One failure does not stop the rest. Without a list it does nothing.
 */
export async function gc(call: Call): Promise<void> {
  if (call.request.validAttachments === undefined) return;
  const config = parseConfig(call.plugin.config, call.request.config);
  const failures: Error[] = [];
  const attempt: Attempt = async (work) => {
    await work().catch((error: Error) => failures.push(error));
  };
  for (const work of [() => byRecord(call, attempt), () => byKernel(call, config, attempt), () => byIpam(call)])
    await attempt(work);
  if (failures.length > 0) throw failures.length === 1 ? failures[0] : new AggregateError(failures);
}

type Attempt = (work: () => Promise<unknown>) => Promise<void>;

function isValid({ request }: Call, containerId: string, ifname: string): boolean {
  return request.validAttachments?.some((a) => a.containerId === containerId && a.ifname === ifname) ?? true;
}

/** A record that was written since this GC began belongs to an ADD that the list cannot know. */
async function byRecord(call: Call, attempt: Attempt): Promise<void> {
  const { platform, plugin, request } = call;
  const isStale = ({ type, network, noted, containerId, ifname }: AttachmentRecord): boolean =>
    type === plugin.type && network === request.name && noted < platform.began && !isValid(call, containerId, ifname);
  for (const record of listRecords(platform).filter(isStale)) {
    await attempt(() =>
      ifIdle(platform, record, plugin.type, async () => {
        // A DEL and an ADD of the same names may have passed before the lock was ours.
        const current = readRecord(platform, record, plugin.type);
        if (current && isStale(current)) await teardown(call, hostRun(call), current);
      }),
    );
  }
  for (const name of listUnfinished(platform)) {
    await attempt(() => ifRecordIdle(platform, name, async () => discardUnfinished(platform, name)));
  }
}

async function byKernel(call: Call, config: unknown, attempt: Attempt): Promise<void> {
  const { plugin, request } = call;
  if (plugin.gc === undefined) return;
  const { facts: ask, found } = plugin.gc;
  const facts = await learn(hostRun(call), (known) => ask({ request, config }, known));
  const stale = found({ request, config, facts }).filter((debris) => !isValid(call, debris.containerId, debris.ifname));
  for (const debris of stale) await attempt(() => sweep(call, debris));
}

/** Not while an ADD of it runs, and not if it is on record after all: then it was found between two GCs' looks. */
async function sweep(call: Call, { containerId, ifname, steps }: Debris): Promise<void> {
  const { platform, plugin, request, trace } = call;
  const owner = newCall(platform, plugin, { ...request, containerId, ifname }, trace);
  await ifIdle(platform, owner.identity, plugin.type, async () => {
    if (readRecord(platform, owner.identity, plugin.type)) return;
    demandNoFaults(await remove(hostRun(call), steps));
  });
}

async function byIpam(call: Call): Promise<void> {
  const type = call.plugin.ipam === undefined ? '' : ipamType(call.request.config);
  if (type !== '') await callIpam(call, type, call.request);
}
