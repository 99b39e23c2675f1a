import { bridgeNetwork, type Config, hostEndOf, hostLocal, succeed } from './network';
import type { Pod } from './peers';
import type { CniCall } from './plugins';
import type { World } from './world';

/** A pod that was added, and the CHECK that a runtime would make of it. */
export interface Attached {
  pod: Pod;
  hostEnd: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it as they like
  result: any;
  check: Omit<CniCall, 'config'> & { config: Config };
}

/** {@link bridgeNetwork} with a route beside the default ones, so that CHECK has one of each kind to look for. */
export function checkedNetwork(changes: Config = {}): Config {
  return bridgeNetwork({ ipam: { ...hostLocal(), routes: [{ dst: '192.0.2.0/24' }] }, ...changes });
}

/** Adds a pod to {@link checkedNetwork}; `plugins` is the directory of the plugins that do, the world's own when absent. */
export async function attached(world: World, changes: Config = {}, plugins = world.plugins): Promise<Attached> {
  const pod = await world.addPod();
  const config = checkedNetwork(changes);
  const result = await succeed(world, 'bridge', { netns: pod, config, plugins });
  const check = { command: 'CHECK', netns: pod, config: { ...config, prevResult: result } };
  return { pod, hostEnd: hostEndOf(result), result, check };
}

/** What CHECK finds wrong, a sentence for each thing; none when it passes. Throws when it fails with another code than 101. */
export async function findings(world: World, { check }: Attached): Promise<string[]> {
  const { code, json, stdout } = await world.cni('bridge', check);
  if (code === 0 && stdout === '') return [];
  if (code !== 1 || json?.code !== 101) throw new Error(`CHECK answered ${code}: ${stdout}`);
  return json.msg.split('; ');
}

/** Puts the names and MACs of this attachment in place of HOSTEND, BRIDGEMAC, HOSTMAC and PODMAC. */
export function about({ result, hostEnd }: Attached, text: string): string {
  const [bridgeMac, hostMac, podMac] = result.interfaces.map(({ mac }: { mac: string }) => mac);
  const names = { HOSTEND: hostEnd, BRIDGEMAC: bridgeMac, HOSTMAC: hostMac, PODMAC: podMac };
  return text.replace(/HOSTEND|BRIDGEMAC|HOSTMAC|PODMAC/g, (word) => names[word as keyof typeof names]);
}

/** Runs `ip` with each of the commands, which are separated by ";". */
export async function runIp(world: World, commands: string, place?: Pod): Promise<void> {
  for (const command of commands.split(';')) await world.ip(command.trim(), place);
}
