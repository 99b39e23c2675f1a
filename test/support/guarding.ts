import { join } from 'node:path';
import { compiled } from './compile';
import { bridgeNetwork, type Config, hostEndOf, ipsOf, succeed } from './network';
import type { Pod } from './peers';
import type { World } from './world';

// biome-ignore lint/suspicious/noExplicitAny: what `nft` and the plugins print
type Json = any;

/** The table of macspoofchk, as `nft` names it. */
export const table = 'bridge trestle_macspoof';

/** {@link bridgeNetwork} with macspoofchk; `changes` replace its keys. */
export function guarded(changes: Config = {}): Config {
  return bridgeNetwork({ cniVersion: '1.1.0', macspoofchk: true, ...changes });
}

/** The table's rules, and its elements with their comments, sorted: "veth1 c1 eth0", "veth1 . 02:… c1 eth0". */
export async function guards(world: World): Promise<{ rules: number; guarded: string[]; allowed: string[] }> {
  const { code, stdout } = await world.run('nft', ['-j', 'list', 'table', ...table.split(' ')]);
  const objects: Json[] = code === 0 ? JSON.parse(stdout).nftables : [];
  const elements = (name: string): string[] =>
    objects
      .flatMap(({ set }) => (set?.name === name ? (set.elem ?? []) : []))
      .map(({ elem: { val, comment } }) => `${typeof val === 'string' ? val : val.concat.join(' . ')} ${comment}`)
      .sort();
  return {
    rules: objects.filter(({ rule }) => rule).length,
    guarded: elements('guarded'),
    allowed: elements('allowed'),
  };
}

/** Whom a pod may send to. */
export interface Target {
  mac: string;
  ips: string[];
}

/** A pod as its ADD made it. */
export interface Attached extends Target {
  pod: Pod;
  hostEnd: string;
  result: Json;
}

export async function attach(world: World, containerId: string, config: Config, args?: string): Promise<Attached> {
  const pod = await world.addPod(containerId);
  const result = await succeed(world, 'bridge', { netns: pod, containerId, config, ...(args && { args }) });
  return { pod, hostEnd: hostEndOf(result), ips: ipsOf(result), mac: result.interfaces[2].mac, result };
}

/** Gives the pod's interface another MAC, as a process in it may. */
export async function changeMac(world: World, { pod }: Attached, mac: string): Promise<void> {
  await world.ip(`link set eth0 address ${mac}`, pod);
}

/** How many frames of each protocol a bridge has let in, and how many of any. */
export type Frames = Record<'arp' | 'ip' | 'ip6' | 'any', number>;

/**
 * Counts what gets into the bridge by a pod's host end, behind the guard, while something is done. Whether answers come
 * back says nothing: with a wrong MAC none would.
 */
export async function framesFrom(world: World, { pod, hostEnd, result }: Attached, work: () => Promise<unknown>) {
  const rules = ['ether type arp', 'ether type ip', 'ether type ip6', ''].map((match) => `${match} counter`);
  const chain = `type filter hook prerouting priority 0; iifname != "${hostEnd}" accept; ${rules.join(';')};`;
  await inWorld(world, 'nft', [`table bridge count { chain c { ${chain} }; }`]);
  await work();
  // What was sent has arrived when this is answered, or has had time to.
  await world.ping(pod, result.ips[0].gateway, { timeoutMs: 200 });
  const listed = JSON.parse(await inWorld(world, 'nft', ['-j', 'list', 'table', 'bridge', 'count'])).nftables;
  await inWorld(world, 'nft', ['delete table bridge count']);
  const counters: Json[] = listed.flatMap(({ rule }: Json) => rule?.expr.at(-1).counter ?? []);
  const [arp, ip, ip6, any] = counters.map(({ packets }) => packets);
  return { arp, ip, ip6, any } as Frames;
}

/** Lets a pod ask for the MAC of each target, and send it a datagram to the MAC that it has. */
export async function sendTo(world: World, { pod }: Attached, targets: Target[]): Promise<void> {
  const commands = targets.flatMap(({ mac, ips }) =>
    ips.flatMap((ip) => [
      'ip neigh flush dev eth0 nud all',
      `echo >/dev/udp/${ip}/9`,
      `ip neigh replace ${ip} lladdr ${mac} dev eth0 nud permanent`,
      `echo >/dev/udp/${ip}/9`,
      `ip neigh delete ${ip} dev eth0`,
    ]),
  );
  await inWorld(world, 'bash', ['-c', commands.join('\n')], pod);
}

/** Lets a pod send one frame: MACs of destination and source, and what comes thereafter, hexadecimal. */
export async function sendFrame(world: World, { pod }: Attached, to: string, from: string, rest: string) {
  const program = await compiled('send-frame', [join(__dirname, 'send-frame/main.c')]);
  await inWorld(world, program, ['eth0', `${to}${from}${rest}`.replaceAll(':', '')], pod);
}

async function inWorld(world: World, file: string, args: string[], pod?: Pod): Promise<string> {
  const { code, stdout, stderr } = await world.run(file, args, pod && { in: pod });
  if (code !== 0) throw new Error(`${file} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
