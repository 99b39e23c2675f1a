import type { Pod } from '../test/support/peers';
import type { Case } from './cases';
import { type Attachment, attached, detached } from './checks';
import { type Contender, pluginCall } from './contenders';
import { type PluginNetwork, pluginNetwork } from './networks';

/** One pod of the chain bridge, portmap, and its ports of the host. */
export interface MappedPod {
  pod: Pod;
  containerId: string;
  hostPorts: readonly number[];
}

/** A network whose pods have ports of the host mapped. */
export interface MappedNetwork {
  /** ADD of both plugins, one after the other as a runtime calls them. Milliseconds. */
  add(wanted: MappedPod): Promise<{ attachment: Attachment; ms: number }>;
  del(wanted: MappedPod, attachment: Attachment): Promise<number>;
}

type Runner = Pick<Contender, 'name' | 'world' | 'run'>;

export function mappedNetwork(contender: Runner, name: string, octet: number): MappedNetwork {
  const network: PluginNetwork = pluginNetwork(contender, { name, octet, ipMasq: true });
  const portmap = (command: 'ADD' | 'DEL', { pod: netns, containerId, hostPorts }: MappedPod, prevResult: object) => {
    const portMappings = hostPorts.map((hostPort) => ({ hostPort, containerPort: 80, protocol: 'tcp' }));
    const config = { cniVersion: '1.0.0', name, type: 'portmap', runtimeConfig: { portMappings }, prevResult };
    return pluginCall(contender, 'portmap', { command, netns, containerId, config });
  };
  return {
    add: async (wanted) => {
      const { pod, containerId } = wanted;
      const first = await contender.run([network.add(pod, containerId)]);
      const attachment = network.made(pod, containerId, first.together[0]?.output ?? '');
      const second = await contender.run([portmap('ADD', wanted, attachment.result)]);
      return { attachment, ms: first.ms + second.ms };
    },
    del: async (wanted, attachment) => {
      const first = await contender.run([portmap('DEL', wanted, attachment.result)]);
      return first.ms + (await contender.run([network.del(attachment)])).ms;
    },
  };
}

/** A pod comes and leaves, two of its ports being mapped. */
export function mapped(contender: Contender): Case {
  const name = 'mapped';
  const octet = 105;
  const network = mappedNetwork(contender, name, octet);
  const { place } = pluginNetwork(contender, { name, octet, ipMasq: true });
  const measure = async (round: number) => {
    const [pod] = await contender.pods(1);
    if (pod === undefined) throw new Error('there is no pod');
    const wanted = { pod, containerId: `mapped-${round}`, hostPorts: [28_001, 28_002] };
    const { attachment, ms } = await network.add(wanted);
    await attached(place, [attachment]);
    await demandMapped(contender, wanted, true);
    const gone = await network.del(wanted, attachment);
    await detached(place, [attachment]);
    await demandMapped(contender, wanted, false);
    return { ADD: [ms], DEL: [gone] };
  };
  return { name: 'bridge, ipMasq, portmap with 2 ports', contender: contender.name, every: 1, measure };
}

/** Both implementations show a host port in the ruleset, one in a map, the other in rules. */
async function demandMapped({ world }: Contender, { hostPorts }: MappedPod, wanted: boolean): Promise<void> {
  const { stdout } = await world.run('nft', ['list', 'ruleset']);
  const numbers = new Set(stdout.split(/\D+/));
  for (const port of hostPorts)
    if (numbers.has(String(port)) !== wanted)
      throw new Error(`wrong state: port ${port} is ${wanted ? 'not' : 'still'} mapped`);
}
