import { statfsSync } from 'node:fs';
import { CniError, ErrorCode } from '../cni/errors';
import type { Request } from '../cni/request';
import type { Where } from '../kernel/contract';
import { KernelError } from '../kernel/errors';
import type { Facts, Identity, InterfacePlugin, Queries } from './define';
import { identify } from './identity';
import { learn, observe, type Run } from './kernel-run';
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

/** Which namespaces are meant by `pod` and `host`. */
const bothNetns = { ' pod': { query: 'netns', ns: 'pod' }, ' host': { query: 'netns', ns: 'host' } } as const;

/** Says why CNI_NETNS is no namespace that a pod could have; undefined if it is one. */
async function netnsFault(call: Call): Promise<CniError | undefined> {
  const { netns } = call.request;
  try {
    return ownNetnsFault(call, await observe(runOf(call, netns), bothNetns));
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const gone = error.errno === 'ENOENT';
    return new CniError(
      gone ? ErrorCode.unknownContainer : ErrorCode.invalidEnvironment,
      `failed to open netns "${netns}": ${error.message}`,
    );
  }
}

function ownNetnsFault({ request }: Call, facts: Facts<typeof bothNetns>): CniError | undefined {
  const { ' pod': pod, ' host': host } = facts;
  if (pod.dev !== host.dev || pod.ino !== host.ino || request.netnsOverride) return undefined;
  return new CniError(
    ErrorCode.netnsIsOwn,
    `plugin's netns and netns from CNI_NETNS should not be the same`,
    request.netns,
  );
}

/** statfs(2): the file system that namespaces are files of (linux/magic.h). */
const nsfsMagic = 0x6e736673;

/** Whether CNI_NETNS is a namespace of some kind: what can be told without a thread, and before anything is done. */
export function hasNetns({ platform, request }: Call): boolean {
  try {
    return statfsSync(opened(platform, request.netns)).type === nsfsMagic;
  } catch {
    return false;
  }
}

/** What is asked for, and with it what {@link demandNetns} demands: asking twice would cost a thread more. */
export async function learnInNetns<Q extends Queries>(
  call: Call,
  run: Run,
  ask: (known: Facts<Queries>) => Q,
): Promise<Facts<Q>> {
  const facts = await learn(run, (known) => ({ ...ask(known), ...bothNetns })).catch(async (error: unknown) => {
    throw (await netnsFault(call)) ?? error;
  });
  const fault = ownNetnsFault(call, facts);
  if (fault) throw fault;
  return facts;
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
