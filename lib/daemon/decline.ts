import { lookup } from '../cni/decode';
import { ipamType } from '../plugin/ipam';
import type { Platform } from '../plugin/platform';
import { listRecords, readRecord } from '../plugin/records';
import { type LaunchedRequest, type Place, places } from './request';

/** What a daemon is, as far as it decides whose requests are its own. */
export interface Self {
  /** The name of the runtime folder that it runs from. */
  build: string;
  place: Place;
}

/**
 * Why a request is better served by a process that the caller starts; undefined if it is ours. Everything that could make
 * us do something else than the cold process would do is a reason. Reads, and changes nothing.
 */
export function reasonToDecline(request: LaunchedRequest, self: Self, platform: Platform): string | undefined {
  if (request.build !== self.build) return 'build';
  const elsewhere = places.find((name) => request.place[name] !== self.place[name]);
  if (elsewhere !== undefined) return elsewhere === 'root' ? 'root folder' : `namespace ${elsewhere}`;
  const plugin = platform.plugins.get(request.type);
  if (plugin === undefined) return 'plugin';
  if (namesOwnProcess(request)) return 'netns path';
  return plugin.kind !== 'ipam' && needsForeignIpam(request, platform) ? 'delegate' : undefined;
}

/** Whether CNI_NETNS, which the launcher could not open, would mean something else if it were opened by us. */
function namesOwnProcess({ env, netns }: LaunchedRequest): boolean {
  const path = env.CNI_NETNS ?? '';
  return netns === undefined && path !== '' && !/^\/(?!proc\/|dev\/)/.test(path);
}

/** By the configuration, or by what an earlier ADD has left on record. */
function needsForeignIpam(request: LaunchedRequest, platform: Platform): boolean {
  const { config = {} } = request;
  const isForeign = (type: string): boolean => type !== '' && platform.plugins.get(type)?.kind !== 'ipam';
  return isForeign(ipamType(config)) || recordedIpams(request, config, platform).some(isForeign);
}

/** What an ADD has to clear before it begins it finds when it has the lock; most find nothing. */
function recordedIpams({ env, type }: LaunchedRequest, config: Record<string, unknown>, platform: Platform): string[] {
  if (env.CNI_COMMAND === 'ADD') return [];
  const network = lookup(config, 'name');
  const { CNI_CONTAINERID: containerId, CNI_IFNAME: ifname, CNI_COMMAND: command } = env;
  if (typeof network !== 'string') return [];
  if (command === 'GC') {
    const records = listRecords(platform).filter((record) => record.network === network && record.type === type);
    return records.map(({ ipam }) => ipam);
  }
  if (containerId === undefined || ifname === undefined) return [];
  return [readRecord(platform, { network, containerId, ifname }, type)?.ipam ?? ''];
}
