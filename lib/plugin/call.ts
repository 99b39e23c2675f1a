import { CniError, ErrorCode } from '../cni/errors';
import type { Request } from '../cni/request';
import type { Native } from '../kernel/contract';
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

/** The kernel as this call sees it outside of the pod's namespace. */
export function hostRun({ platform, trace }: Call): Run {
  return { kernel: platform.kernel, where: {}, hasPod: false, trace };
}

/** A run in the pod's namespace too, which stays open until it is left. */
export interface PodRun extends Run {
  leave(): void;
}

/** Where nobody waits for an ADD any more, it goes no further: what it has done is taken back. Code 11, which nobody will read. */
export function demandCaller({ platform }: Call): void {
  if (platform.hungUp?.()) throw new CniError(ErrorCode.tryAgainLater, 'the caller has ended before its answer');
}

/** For ADD and CHECK: CNI_NETNS must be a network namespace and not the caller's own. Code 3, 4 or 8, before anything is changed. */
export function demandNetns(call: Call): PodRun {
  const { platform, request, trace } = call;
  const { kernel } = platform;
  const { visit, isOwn } = open(call);
  const leave = (): void => kernel.leave(visit);
  if (!isOwn || request.netnsOverride) return { kernel, where: { visit }, hasPod: true, trace, leave };
  leave();
  throw new CniError(
    ErrorCode.netnsIsOwn,
    `plugin's netns and netns from CNI_NETNS should not be the same`,
    request.netns,
  );
}

function open({ platform, request: { netns } }: Call): ReturnType<Native['visit']> {
  try {
    return platform.kernel.visit({ pod: platform.openedNetns?.(netns) ?? netns });
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const gone = error.errno === 'ENOENT';
    throw new CniError(
      gone ? ErrorCode.unknownContainer : ErrorCode.invalidEnvironment,
      `failed to open netns "${netns}": ${error.message}`,
    );
  }
}

/** For DEL: whatever is wrong with the namespace, what is outside of it still has to go; our own namespace is nobody's pod. */
export function tolerateNetns(call: Call): PodRun {
  const outside = { ...hostRun(call), leave: () => {} };
  if (call.request.netns === '') return outside;
  try {
    return demandNetns(call);
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    if (error.code !== ErrorCode.unknownContainer) call.platform.warn(`${error.message}; its inside is left alone`);
    return outside;
  }
}
