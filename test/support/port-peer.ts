import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { compiled } from './compile';
import { enter, type Place } from './peers';
import { PATH, run } from './run';
import type { World } from './world';

export type Protocol = 'tcp' | 'udp' | 'sctp';
export const protocols: readonly Protocol[] = ['tcp', 'udp', 'sctp'];

/** A question put to an address and port. */
export interface Question {
  address: string;
  port: number;
  /** All, when absent. */
  protocol?: Protocol;
  /** Where it is to come from: an address of the asker's, and a port. */
  from?: string;
  fromPort?: number;
  /** How long to wait for an answer. 10,000 when absent, as a machine under load answers late. */
  timeoutMs?: number;
}

/** How long is waited for an answer that is not to come. Milliseconds. */
export const unheard = { timeoutMs: 400 };

/**
 * Lets a place answer on ports of every protocol: each asker is told `name` and the address that it came from. It listens
 * on all addresses, and ends with the world.
 */
export async function serve(world: World, place: Place, name: string, ports: readonly number[]): Promise<void> {
  // Should the test process die, so does the peer: it would keep its world alive.
  const line = ['--pdeathsig', 'KILL', 'nsenter', ...enter(world.keeper, place)];
  const child = spawn('setpriv', [...line, await portPeer(), 'listen', name, ...ports.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH },
  });
  if (child.pid !== undefined) world.keeper.companions.add(child.pid);
  const [first] = await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
  if (String(first) !== 'ready\n') throw new Error(`${name} cannot listen on ${ports}`);
}

/** Who answers, and under which address the asker appears there: "web 192.0.2.2"; "nobody" when no answer came. */
export async function ask(world: World, place: Place, question: Question): Promise<string> {
  const { protocol } = question;
  const answers = await Promise.all(
    (protocol === undefined ? protocols : [protocol]).map((one) => askBy(world, place, one, question)),
  );
  return [...new Set(answers)].join(' and ');
}

async function askBy(world: World, place: Place, protocol: Protocol, question: Question): Promise<string> {
  const { address, port, timeoutMs = 10_000, fromPort, from = anyOf(address, fromPort) } = question;
  const source = from === undefined ? [] : [from, String(fromPort ?? 0)];
  const line = ['ask', protocol, address, String(port), String(timeoutMs), ...source];
  const { code, stdout, stderr } = await run('nsenter', [...enter(world.keeper, place), await portPeer(), ...line]);
  if (stderr !== '') throw new Error(`${line.join(' ')}: ${stderr}`);
  return code === 0 ? stdout.trim() : 'nobody';
}

function anyOf(address: string, port: number | undefined): string | undefined {
  if (port === undefined) return undefined;
  return address.includes(':') ? '::' : '0.0.0.0';
}

const sources = join(__dirname, 'port-peer');
let built: Promise<string> | undefined;

/** The path of the program that asks and answers; compiled at most once in a process. */
function portPeer(): Promise<string> {
  built ??= compiled(
    'port-peer',
    readdirSync(sources).map((name) => join(sources, name)),
    ['-D_GNU_SOURCE'],
  );
  return built;
}
