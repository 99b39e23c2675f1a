import { parseConfig } from '../cni/config';
import { CniError, ErrorCode } from '../cni/errors';
import { KernelError } from '../kernel/errors';
import { type Call, hostRun } from './call';
import { callIpam, hasIpam, ipamType } from './ipam';
import { observe } from './kernel-run';
import { demandWritable } from './writable';

/** STATUS: code 50 when no ADD could succeed for a reason that a pod's leaving does not cure; then the IPAM plugin is asked. */
export async function status(call: Call): Promise<void> {
  const { platform, plugin, request } = call;
  const config = parseConfig(plugin.config, request.config);
  demandWritable(platform.stateDir, 'attachments cannot be recorded');
  try {
    const facts = await observe(hostRun(call), plugin.status?.facts({ request, config }) ?? {});
    plugin.status?.verdict({ request, config, facts });
  } catch (error) {
    if (error instanceof KernelError) throw new CniError(ErrorCode.unavailable, error.message);
    throw error;
  }
  const type = plugin.ipam === undefined ? '' : ipamType(request.config);
  if (type === '') return;
  if (!hasIpam(platform, type, request.path))
    throw new CniError(ErrorCode.unavailable, `there is no IPAM plugin "${type}"`);
  await callIpam(call, type, request);
}
