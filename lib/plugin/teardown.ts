import { lookup } from '../cni/decode';
import type { Request } from '../cni/request';
import type { KernelFault } from '../kernel/contract';
import { KernelError } from '../kernel/errors';
import type { Call } from './call';
import { removalOf } from './footprint';
import { callIpam } from './ipam';
import { type Run, remove } from './kernel-run';
import { type AttachmentRecord, amendRecord, removeRecord } from './records';

/**
 * Removes everything that a record names, in the order of DEL: elements, links, lease, and the record last, so that a
 * removal which is killed or fails can be repeated. The delegate gets the configuration of the ADD.
 */
export async function teardown(call: Call, run: Run, record: AttachmentRecord): Promise<void> {
  if (record.state === 'complete') disown(call, record);
  demandNoFaults(await remove(run, removalOf(record)));
  if (record.ipam !== '') await callIpam(call, record.ipam, asDel(call.request, record));
  removeRecord(call.platform, record, record.type);
}

/** From here on an ADD of the same names finds debris, and not half an attachment. A state folder that is full must not stop a removal. */
function disown({ platform }: Call, record: AttachmentRecord): void {
  try {
    amendRecord(platform, record, { state: 'incomplete' });
  } catch (error) {
    platform.warn(`cannot note that the attachment is being removed: ${(error as Error).message}`);
  }
}

/**
 * A DEL for the delegate of an earlier ADD, whatever command is being served now: about the record's container, with
 * the configuration of its ADD, and with the prevResult that a runtime's DEL brings.
 */
export function asDel(request: Request, record: AttachmentRecord): Request {
  const { containerId, ifname, netns } = record;
  const prevResult = lookup(request.config, 'prevResult');
  const config = request.command === 'DEL' && prevResult ? { ...record.config, prevResult } : record.config;
  return { ...request, command: 'DEL', containerId, ifname, netns, config, stdin: Buffer.from(JSON.stringify(config)) };
}

/** Fails with the first of several faults; what could be removed is gone by then. */
export function demandNoFaults(faults: readonly KernelFault[]): void {
  const [first] = faults;
  if (first) throw new KernelError(first);
}
