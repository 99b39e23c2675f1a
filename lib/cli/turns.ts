import type { Attachment } from '../cni/runtime/cache';
import type { Runtime } from '../cni/runtime/chain';
import { inTurn, withSharedLock } from '../plugin/locks';
import type { CommandRuntime } from './runtime';

/**
 * Only one thing at a time is done to a container, and nothing while a GC of the network is under way (specification,
 * "Lifecycle & Ordering"), whoever runs `trestle`.
 */
export function oneAtATime<T>(
  runtime: CommandRuntime,
  network: string,
  attachment: Pick<Attachment, 'containerId'>,
  work: () => Promise<T>,
): Promise<T> {
  return inTurn(runtime.platform, `network ${network}`, 'beside', () => inItsTurn(runtime, attachment, work));
}

const inItsTurn = <T>(
  { platform }: CommandRuntime,
  { containerId }: Pick<Attachment, 'containerId'>,
  work: () => Promise<T>,
): Promise<T> => withSharedLock(platform, `container ${containerId}`, work);

/**
 * Does a GC of the network while nothing is added to it or removed, with a runtime that waits, too, for what another
 * network does to a container. What is valid is to be asked within: an ADD may just have ended.
 */
export function whileIdle<T>(
  runtime: CommandRuntime,
  network: string,
  work: (runtime: CommandRuntime) => Promise<T>,
): Promise<T> {
  const invoke: Runtime['invoke'] = (invocation) => {
    const { attachment } = invocation;
    const calling = () => runtime.invoke(invocation);
    return attachment ? inItsTurn(runtime, attachment, calling) : calling();
  };
  return inTurn(runtime.platform, `network ${network}`, 'alone', () => work({ ...runtime, invoke }));
}
