import { type Call, tolerateNetns } from './call';
import { callIpam, hasIpam, ipamType, tolerantConfig } from './ipam';
import { learn, type Run, remove } from './kernel-run';
import { withAttachmentLock } from './locks';
import { readRecord, removeRecord } from './records';
import { demandNoFaults, teardown } from './teardown';

/** DEL: what the record names is removed; without one, what configuration, prevResult and kernel tell. Gone already is success. */
export async function del(call: Call): Promise<void> {
  const { platform, plugin, identity } = call;
  const run = tolerateNetns(call);
  try {
    await withAttachmentLock(platform, identity, plugin.type, async () => {
      const record = readRecord(platform, identity, plugin.type);
      if (record) await teardown(call, run, record);
      else await removeUnrecorded(call, run);
    });
  } finally {
    run.leave();
  }
}

/** For a pod that another implementation made, or whose record was lost: kernel first, so that no freed address is still in use. */
async function removeUnrecorded(call: Call, run: Run): Promise<void> {
  const { platform, plugin, request, identity } = call;
  const config = tolerantConfig(platform, plugin, request);
  if (config !== undefined && plugin.del) {
    const facts = await learn(run, (known) => plugin.facts({ request, config, identity }, known));
    const context = { request, config, identity, facts };
    for (const remark of plugin.remains?.(context) ?? []) platform.warn(remark);
    demandNoFaults(await remove(run, plugin.del(context)));
  }
  const type = plugin.ipam === undefined ? '' : ipamType(request.config);
  if (type !== '' && hasIpam(platform, type, request.path)) await callIpam(call, type, request);
  else if (type !== '') platform.warn(`there is no IPAM plugin "${type}" that could be asked to release an address`);
  // Of a record whose writer was killed before its first word, or that is of another boot.
  removeRecord(platform, identity, plugin.type);
}
