import type { World } from '../test/support/world';
import type { Attachment } from './checks';
import { succeeding } from './contenders';
import type { PluginNetwork } from './networks';
import type { Timer } from './timer';

/** How many come at once, while those that came before them leave. */
const SHIFT = 8;

export interface Traffic {
  /** Has at least so many come, and leaves when the last of them has left. */
  pods(count: number): Promise<void>;
  /** How many have come and left so far. */
  count(): number;
}

/** Pods that come and leave, some at once: two shifts of them, of which one comes while the other leaves. */
export async function traffic(world: World, timer: Timer, network: PluginNetwork): Promise<Traffic> {
  const pods = [];
  while (pods.length < 2 * SHIFT) pods.push(await world.addPod());
  const shifts = [pods.slice(0, SHIFT), pods.slice(SHIFT)];
  let count = 0;

  async function change(leaving: Attachment[]): Promise<Attachment[]> {
    const coming = (shifts[(count / SHIFT) % 2] ?? []).map((pod) => ({
      pod,
      containerId: `soak-${count}-${pod.name}`,
    }));
    const additions = coming.map(({ pod, containerId }) => network.add(pod, containerId));
    const { together } = await succeeding(timer, [...leaving.map(network.del), ...additions]);
    count += SHIFT;
    const outputs = together.slice(leaving.length).map(({ output }) => output);
    return coming.map(({ pod, containerId }, index) => network.made(pod, containerId, outputs[index] ?? ''));
  }

  return {
    pods: async (wanted) => {
      let present: Attachment[] = [];
      for (const end = count + wanted; count < end; ) present = await change(present);
      await succeeding(timer, present.map(network.del));
    },
    count: () => count,
  };
}
