import { CniError, ErrorCode } from '../cni/errors';
import type { Request } from '../cni/request';
import type { Where } from '../kernel/contract';
import { KernelError } from '../kernel/errors';
import type { Identity, InterfacePlugin } from './define';
import { identify } from './identity';
import type { Run } from './kernel-run';
import type { Platform } from './platform';
import type { Trace } from './trace';

/** One request to one interface plugin, with all that its command needs. */
export interface Call {
  platform: Platform;
  plugin: InterfacePlugin;
  request: Request;
  identity: Identity;
  trace: Trace;
}

export function newCall(platform: Platform, plugin: InterfacePlugin, request: Request, trace: Trace): Call {
  const { name: network, containerId, ifname } = request;
  return { platform, plugin, request, identity: identify({ network, containerId, ifname }, platform.machineId), trace };
}

/** The kernel as this call sees it; `pod` absent means that the pod's namespace is not there. */
export function runOf({ platform, trace }: Call, pod: string | undefined): Run {
  const where: Where = pod === undefined ? {} : { pod: opened(platform, pod) };
  return { kernel: platform.kernel, where, trace };
}

const opened = (platform: Platform, netns: string): string => platform.openedNetns?.(netns) ?? netns;

/** Where nobody waits for an ADD any more, it goes no further: what it has done is taken back. Code 11, which nobody will read. */
export function demandCaller({ platform }: Call): void {
  if (platform.hungUp?.()) throw new CniError(ErrorCode.tryAgainLater, 'the caller has ended before its answer');
}

/** Says why CNI_NETNS is no namespace that a pod could have; undefined if it is one. */
async function netnsFault({ platform, request }: Call): Promise<CniError | undefined> {
  try {
    const [pod, host] = (await platform.kernel.observe({ pod: opened(platform, request.netns) }, [
      { query: 'netns', ns: 'pod' },
      { query: 'netns', ns: 'host' },
    ])) as { dev: number; ino: number }[];
    const own = pod?.dev === host?.dev && pod?.ino === host?.ino;
    if (!own || request.netnsOverride) return undefined;
    return new CniError(
      ErrorCode.netnsIsOwn,
      `plugin's netns and netns from CNI_NETNS should not be the same`,
      request.netns,
    );
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const gone = error.errno === 'ENOENT';
    return new CniError(
      gone ? ErrorCode.unknownContainer : ErrorCode.invalidEnvironment,
      `failed to open netns "${request.netns}": ${error.message}`,
    );
  }
}

/** For ADD and CHECK: CNI_NETNS must be a network namespace and not the caller's own. Code 3, 4 or 8, before anything is changed. */
export async function demandNetns(call: Call): Promise<Run> {
  const fault = await netnsFault(call);
  if (fault) throw fault;
  return runOf(call, call.request.netns);
}

/** For DEL: whatever is wrong with the namespace, what is outside of it still has to go; our own namespace is nobody's pod. */
export async function tolerateNetns(call: Call): Promise<Run> {
  if (call.request.netns === '') return runOf(call, undefined);
  const fault = await netnsFault(call);
  if (fault && fault.code !== ErrorCode.unknownContainer)
    call.platform.warn(`${fault.message}; its inside is left alone`);
  return runOf(call, fault ? undefined : call.request.netns);
}
