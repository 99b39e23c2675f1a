import { type Attachment, type CachedAttachment, readCache } from '../cni/runtime/cache';
import type { NetworkFile } from '../cni/runtime/files';
import { parseList } from '../cni/runtime/network';
import { attachmentOf } from './attachment';
import { type CommandCall, flag } from './command';
import { networkNamed } from './networks';
import { type CommandRuntime, runtimeOf } from './runtime';
import { traceTo } from './tracing';
import { oneAtATime } from './turns';

/** Does something to one attachment, NETWORK NETNS, while nobody else touches the container. */
export async function onAttachment(
  call: CommandCall,
  work: (runtime: CommandRuntime, network: string, attachment: Attachment) => Promise<void>,
): Promise<number> {
  const {
    around,
    operands: [network = '', netns = ''],
  } = call;
  const runtime = runtimeOf(around, traceTo(around, flag(call, 'trace')));
  const attachment = attachmentOf(around, netns);
  await oneAtATime(runtime, network, attachment, () => work(runtime, network, attachment));
  return 0;
}

/**
 * The network and the attachment that an ADD of that name has made: what the environment does not say, and a configuration
 * that is no longer there, is as it was kept then.
 */
export function asAdded(
  runtime: CommandRuntime,
  name: string,
  attachment: Attachment,
): { network: Omit<NetworkFile, 'file'>; attachment: Attachment } {
  const kept = readCache(runtime.cacheFolder, { network: name, ...attachment });
  const args = attachment.args.length > 0 ? attachment.args : (kept?.args ?? []);
  const given = Object.keys(attachment.capabilityArgs).length > 0;
  const capabilityArgs = given ? attachment.capabilityArgs : (kept?.capabilityArgs ?? {});
  return { network: configured(runtime, name, kept), attachment: { ...attachment, args, capabilityArgs } };
}

function configured(runtime: CommandRuntime, name: string, kept?: CachedAttachment): Omit<NetworkFile, 'file'> {
  try {
    return networkNamed(runtime, name);
  } catch (error) {
    const network = kept && keptNetwork(kept);
    if (network === undefined) throw error;
    runtime.warn(`${(error as Error).message}; going by what was kept of the ADD`);
    return network;
  }
}

/** The list as it was at the ADD; without the plugins that were in files of their own. */
function keptNetwork({ config }: CachedAttachment): Omit<NetworkFile, 'file'> | undefined {
  try {
    const { hasFolder: _, ...network } = parseList(JSON.parse(config.toString()), config);
    return network.plugins.length > 0 ? network : undefined;
  } catch {
    return undefined;
  }
}
