import { parseConfig } from '../cni/config';
import { CniError, ErrorCode } from '../cni/errors';
import { type Call, newCall, runOf } from './call';
import type { Debris, Facts, Queries } from './define';
import { callIpam, ipamType } from './ipam';
import { observe, remove } from './kernel-run';
import { ifIdle, ifRecordIdle } from './locks';
import { discardUnfinished, listRecords, listUnfinished, readRecord, type StoredRecord, storedRecord } from './records';
import { demandNoFaults, teardown } from './teardown';

/**
 * GC: removes what is not in the list of valid attachments, first by the records, then by what the kernel still has,
 * then through the IPAM plugin. One failure does not stop the rest. Without a list it does nothing.
 */
export async function gc(call: Call): Promise<void> {
  if (call.request.validAttachments === undefined) return;
  const began = call.platform.now() - clockTickMs;
  const config = parseConfig(call.plugin.config, call.request.config);
  const failures: string[] = [];
  const attempt = async (work: () => Promise<unknown>) => {
    await work().catch((error: Error) => failures.push(error.message));
  };
  for (const work of [() => byRecord(call, began, attempt), () => byKernel(call, config, attempt), () => byIpam(call)])
    await attempt(work);
  if (failures.length > 0) throw new CniError(ErrorCode.internal, failures.join('; '));
}

/** The kernel's clock for files goes by ticks, and so may be this much behind: CONFIG_HZ is 100 at least. */
const clockTickMs = 10;

type Attempt = (work: () => Promise<unknown>) => Promise<void>;

function isValid({ request }: Call, containerId: string, ifname: string): boolean {
  return request.validAttachments?.some((a) => a.containerId === containerId && a.ifname === ifname) ?? true;
}

/** A record that was written since this GC began belongs to an ADD that the list cannot know. */
async function byRecord(call: Call, began: number, attempt: Attempt): Promise<void> {
  const { platform, plugin, request } = call;
  const isStale = ({ record, changed }: StoredRecord): boolean =>
    record.type === plugin.type &&
    record.network === request.name &&
    changed < began &&
    !isValid(call, record.containerId, record.ifname);
  for (const { record } of listRecords(platform).filter(isStale)) {
    await attempt(() =>
      ifIdle(platform, record, plugin.type, async () => {
        // A DEL and an ADD of the same names may have passed before the lock was ours.
        const current = storedRecord(platform, record, plugin.type);
        if (current && isStale(current)) await teardown(call, runOf(call, undefined), current.record);
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
  const facts = await learn(call, config);
  const stale = plugin.gc
    .found({ request, config, facts })
    .filter((debris) => !isValid(call, debris.containerId, debris.ifname));
  for (const debris of stale) await attempt(() => sweep(call, debris));
}

/** Asks until nothing new is asked: which sets there are tells which sets to read. */
async function learn(call: Call, config: unknown): Promise<Facts<Queries>> {
  const { plugin, request } = call;
  let known: Facts<Queries> = {};
  for (;;) {
    const queries = plugin.gc?.facts({ request, config }, known) ?? {};
    if (Object.keys(queries).every((name) => name in known)) return known;
    known = await observe(runOf(call, undefined), queries);
  }
}

/** Not while an ADD of it runs, and not if it is on record after all: then it was found between two GCs' looks. */
async function sweep(call: Call, { containerId, ifname, steps }: Debris): Promise<void> {
  const { platform, plugin, request } = call;
  const owner = newCall(platform, plugin, { ...request, containerId, ifname });
  await ifIdle(platform, owner.identity, plugin.type, async () => {
    if (readRecord(platform, owner.identity, plugin.type)) return;
    demandNoFaults(await remove(runOf(call, undefined), steps));
  });
}

async function byIpam({ platform, plugin, request }: Call): Promise<void> {
  const type = plugin.ipam === undefined ? '' : ipamType(request.config);
  if (type !== '') await callIpam(platform, type, request);
}
