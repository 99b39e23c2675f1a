import { bridgeNetwork, type Config, hostLocal, ipsOf, succeed } from './network';
import type { Pod } from './peers';
import type { CniCall } from './plugins';
import type { World } from './world';

// biome-ignore lint/suspicious/noExplicitAny: what `nft` and the plugins print
type Json = any;

/** The table of port mappings, as `nft` names it. */
export const table = 'inet trestle_portmap';

/** A port of the host's that leads to one of a pod's, as a runtime writes it; a test may use any other case of the keys. */
export interface Mapping {
  hostPort: number;
  containerPort: number;
  protocol?: string;
  hostIP?: string;
}

/** A network of the plugins bridge and portmap. */
export interface Chain {
  bridge: Config;
  portmap: Config;
}

/** The subnets of {@link bridgeNetwork} when none are given; `keys` are further ones of portmap's configuration. */
export function chainOn(bridge: string, name: string, subnets: readonly string[], keys: Config = {}): Chain {
  const cniVersion = '1.0.0';
  const ipam = hostLocal(...subnets.map((subnet) => [{ subnet }]));
  return {
    bridge: bridgeNetwork({ cniVersion, name, bridge, ...(subnets.length > 0 && { ipam }) }),
    portmap: { cniVersion, name, type: 'portmap', capabilities: { portMappings: true }, ...keys },
  };
}

/** {@link chainOn} br0, network "net". */
export const chain = (keys: Config = {}): Chain => chainOn('br0', 'net', [], keys);

/** What a runtime wants attached. */
export interface Wanted {
  containerId: string;
  chain: Chain;
  /** As a runtime passes them on; not every test's are what they should be. */
  mappings: readonly (Mapping | object)[];
  /** A new one when absent, named after the container. */
  pod?: Pod;
  /** The folder of both plugins; the world's own when absent. */
  plugins?: string;
}

/** An attachment as the chain's ADD made it. */
export interface Mapped extends Wanted {
  pod: Pod;
  result: Json;
  /** Its addresses without prefix length. */
  ips: string[];
}

/** ADD of the chain. */
export async function attach(world: World, wanted: Wanted): Promise<Mapped> {
  const mapped = await bridged(world, wanted);
  await succeed(world, 'portmap', portmapCall(mapped));
  return mapped;
}

/** ADD of the bridge alone. */
export async function bridged(world: World, wanted: Wanted): Promise<Mapped> {
  const pod = wanted.pod ?? (await world.addPod(wanted.containerId));
  const result = await succeed(world, 'bridge', bridgeCall({ ...wanted, pod }));
  return { ...wanted, pod, result, ips: ipsOf(result) };
}

/** DEL of the chain, in the order of a runtime. */
export async function detach(world: World, mapped: Mapped): Promise<void> {
  await succeed(world, 'portmap', portmapCall(mapped, 'DEL'));
  await succeed(world, 'bridge', bridgeCall(mapped, 'DEL'));
}

/** What portmap's CHECK finds wrong, a sentence for each thing; none when it passes. */
export async function findings(world: World, mapped: Mapped): Promise<string[]> {
  const { code, json, stdout } = await world.cni('portmap', portmapCall(mapped, 'CHECK'));
  if (code === 0 && stdout === '') return [];
  if (code !== 1 || json?.code !== 101) throw new Error(`CHECK answered ${code}: ${stdout}`);
  return json.msg.split('; ');
}

/** A call of bridge about the attachment. */
export function bridgeCall(
  { containerId, chain, pod, plugins, result }: Wanted & { result?: Json },
  command = 'ADD',
): CniCall {
  const prevResult = command === 'ADD' ? undefined : result;
  return callOf({ containerId, pod, plugins }, command, { ...chain.bridge, ...(prevResult && { prevResult }) });
}

/** A call of portmap about the attachment, which bridge's ADD has made. */
export function portmapCall({ containerId, chain, pod, plugins, mappings, result }: Mapped, command = 'ADD'): CniCall {
  const runtimeConfig = { portMappings: mappings };
  return callOf({ containerId, pod, plugins }, command, { ...chain.portmap, runtimeConfig, prevResult: result });
}

function callOf(
  { containerId, pod, plugins }: { containerId: string; pod: Pod | undefined; plugins: string | undefined },
  command: string,
  config: Config,
): CniCall {
  return { command, containerId, config, ...(pod && { netns: pod }), ...(plugins && { plugins }) };
}

/** The elements of {@link table} that say they are the container's: "any_v4 tcp . 8080 : 10.1.2.3 . 80". */
export async function elementsOf(world: World, containerId: string): Promise<string[]> {
  const { code, stdout } = await world.run('nft', ['-j', 'list', 'table', ...table.split(' ')]);
  const objects: Json[] = code === 0 ? JSON.parse(stdout).nftables : [];
  const text = (value: Json): string =>
    typeof value === 'object' ? (value.concat ?? [value.elem?.val ?? value]).map(text).join(' . ') : String(value);
  return objects
    .flatMap(({ set, map }) => {
      const { name, elem = [] } = set ?? map ?? {};
      return elem.map((one: Json) => ({
        name,
        key: Array.isArray(one) ? one[0] : one,
        data: Array.isArray(one) ? one[1] : undefined,
      }));
    })
    .filter(({ key }) => key.elem?.comment?.startsWith(`${containerId} `))
    .map(({ name, key, data }) => `${name} ${text(key.elem.val)}${data === undefined ? '' : ` : ${text(data)}`}`)
    .sort();
}
