import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '../test/support/peers';
import type { Case } from './cases';
import { type Attachment, attached, detached } from './checks';
import type { Contender } from './contenders';
import { floorNetwork, type Network, type PluginNetwork, pluginNetwork } from './networks';

/** How many pods come or leave at once. */
export const CROWD = 48;

/** Only in every so many rounds: the reference takes seconds for a crowd. */
const SELDOM = 6;

/** One pod comes and leaves. */
export function onePod(contender: Contender, ipMasq: boolean): Case {
  const network = pluginNetwork(contender, { name: `one${ipMasq ? '-masq' : ''}`, octet: ipMasq ? 101 : 100, ipMasq });
  const measure = async (round: number) => {
    const { attachments, ms } = await attach(contender, network, await contender.pods(1), round);
    return { ADD: [ms], DEL: [await detach(contender, network, attachments)] };
  };
  return { name: `bridge${suffix(ipMasq)}`, contender: contender.name, every: 1, measure };
}

/** Many pods come at once, and leave at once. */
export function crowd(contender: Contender, ipMasq: boolean): Case {
  const name = `crowd${ipMasq ? '-masq' : ''}`;
  const network = pluginNetwork(contender, { name, octet: ipMasq ? 103 : 102, ipMasq });
  const measure = async (round: number) => {
    const { attachments, ms } = await attach(contender, network, await contender.pods(CROWD), round);
    return { ADDs: [ms], DELs: [await detach(contender, network, attachments)] };
  };
  return { name: `bridge${suffix(ipMasq)}, ${CROWD} at once:`, contender: contender.name, every: SELDOM, measure };
}

/** While many pods leave at once, others come one after another. */
export function departure(contender: Contender): Case {
  const network = pluginNetwork(contender, { name: 'departure', octet: 104, ipMasq: false });
  const measure = async (round: number) => {
    const pods = await contender.pods(2 * CROWD);
    const newcomers = pods.slice(CROWD);
    const { attachments: leaving } = await attach(contender, network, pods.slice(0, CROWD), round);
    const timings = await contender.run(
      leaving.map(network.del),
      newcomers.map((pod) => network.add(pod, containerId(pod, round))),
    );
    const came = timings.beside.map(({ output }, index) => made(network, newcomers[index], round, output));
    await detached(network.place, leaving);
    await attached(network.place, came);
    await detach(contender, network, came);
    return { ADD: timings.beside.map(({ ms }) => ms) };
  };
  return { name: `bridge, while ${CROWD} others leave:`, contender: contender.name, every: SELDOM, measure };
}

/** What the kernel needs for an ADD. What it has made is removed outside of the clock. */
export function floor(contender: Contender): Case {
  const { world, pods } = contender;
  let network: Network;
  const prepare = async () => {
    network = await floorNetwork(contender);
  };
  const measure = async (round: number) => {
    const { attachments, ms } = await attach(contender, network, await pods(1), round);
    for (const { hostEnd, ip } of attachments) {
      await world.ip(`link delete ${hostEnd}`);
      rmSync(world.path(join(network.place.leases, ip)));
    }
    await detached(network.place, attachments);
    return { ADD: [ms] };
  };
  return { name: 'bridge', contender: contender.name, every: 1, prepare, measure };
}

const suffix = (ipMasq: boolean): string => (ipMasq ? ', ipMasq' : '');

/** Adds pods at once, and says how long it took, from before the first began until after the last ended. */
async function attach(
  contender: Contender,
  network: Network,
  pods: Pod[],
  round: number,
): Promise<{ attachments: Attachment[]; ms: number }> {
  const { together, ms } = await contender.run(pods.map((pod) => network.add(pod, containerId(pod, round))));
  const attachments = together.map(({ output }, index) => made(network, pods[index], round, output));
  await attached(network.place, attachments);
  return { attachments, ms };
}

/** Deletes at once; as {@link attach}. */
async function detach(contender: Contender, network: PluginNetwork, attachments: Attachment[]): Promise<number> {
  const { ms } = await contender.run(attachments.map(network.del));
  await detached(network.place, attachments);
  return ms;
}

const containerId = (pod: Pod, round: number): string => `${pod.name}-${round}`;

function made(network: Network, pod: Pod | undefined, round: number, output: string): Attachment {
  if (pod === undefined) throw new Error(`an answer of nobody: ${output}`);
  return network.made(pod, containerId(pod, round), output);
}
