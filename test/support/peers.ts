import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type Keeper, worldPath } from './keeper';
import { PATH, run } from './run';

/** A network namespace of a world. */
export interface Pod {
  name: string;
  /** "/run/netns/<name>", within the world. */
  path: string;
}

/** Where in a world: on its host side, or in one of its other namespaces. */
export type Place = 'host' | Pick<Pod, 'path'>;

/** How `nsenter` goes into a place of the world, both of its namespaces opened before either is entered. */
export function enter(keeper: Keeper, place: Place = 'host'): string[] {
  const net = place === 'host' ? `/proc/${keeper.pid}/ns/net` : worldPath(keeper, place.path);
  return [`--mount=/proc/${keeper.pid}/ns/mnt`, `--net=${net}`, '--'];
}

/** Who answers each TCP connection and UDP datagram with the address it came from. */
export interface EchoPeer {
  address: string;
  port: number;
  process: ChildProcess;
}

/** Starts an echo peer that listens on `address`, which the place must already have. */
export async function startEcho(keeper: Keeper, place: Place, address: string, port: number): Promise<EchoPeer> {
  const script = join(__dirname, 'echo-peer.cjs');
  const child = spawn('nsenter', [...enter(keeper, place), process.execPath, script, address, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH },
  });
  const [first] = await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
  if (String(first) !== 'ready\n') {
    throw new Error(`no echo peer on ${address} port ${port}`);
  }
  return { address, port, process: child };
}

/** The address under which `place` appears to the peer, or null when no answer came within `timeoutMs`. */
export async function sourceSeenBy(
  keeper: Keeper,
  peer: Pick<EchoPeer, 'address' | 'port'>,
  place: Place,
  { protocol = 'tcp', timeoutMs = 3000 }: { protocol?: 'tcp' | 'udp'; timeoutMs?: number } = {},
): Promise<string | null> {
  const ask = protocol === 'udp' ? 'echo >&3;' : '';
  // Not bash's `read`, which takes one byte at a time and so loses the rest of a datagram.
  const script = `exec 3<>/dev/${protocol}/${peer.address}/${peer.port} && { ${ask} head -n 1 <&3; }`;
  const ran = await run('nsenter', [...enter(keeper, place), 'bash', '--norc', '-c', script], { timeoutMs });
  return ran.code === 0 && ran.stdout.trim() !== '' ? ran.stdout.trim() : null;
}

/** Whether one echo request is answered. */
export async function ping(
  keeper: Keeper,
  place: Place,
  address: string,
  { timeoutMs = 3000, source }: { timeoutMs?: number; source?: string } = {},
): Promise<boolean> {
  const args = ['-n', '-q', '-c1', `-W${timeoutMs / 1000}`, ...(source === undefined ? [] : ['-I', source]), address];
  return (await run('nsenter', [...enter(keeper, place), 'ping', ...args])).code === 0;
}
