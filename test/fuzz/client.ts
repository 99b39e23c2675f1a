import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { enter } from '../support/peers';
import { PATH } from '../support/run';
import type { World } from '../support/world';
import { workingFolder } from './scene';
import type { State } from './state';

/** A request as it goes over the pipe. */
export interface Wire {
  type: string;
  env: Readonly<Record<string, string>>;
  /** base64 */
  stdin: string;
}

/** What became of it. */
export interface Served {
  stdout: string;
  exitCode: number;
  warnings: string[];
  ms: number;
  /** How many descriptors are open in the server afterwards. */
  descriptors: number;
  state: State;
}

/** A process in the world that serves requests by the plugins' own code, with the real addon. */
export interface Server {
  /** Rejects when there is no answer in time: the server is killed then. */
  serve(request: Wire): Promise<Served>;
  close(): Promise<void>;
}

/** Milliseconds. Far more than any request takes, and far less than a person waits. */
const patience = 20_000;

/** Megabytes that a request may make the server use. */
const memory = 512;

const addon = process.env.TRESTLE_NATIVE === undefined ? {} : { TRESTLE_NATIVE: resolve(process.env.TRESTLE_NATIVE) };

/** With what another build of the addon needs, that with the sanitizers. */
const environment = Object.fromEntries([
  ['PATH', PATH],
  ...Object.entries({ ...process.env, ...addon }).filter(([name]) =>
    /^(TRESTLE_NATIVE|LD_PRELOAD|ASAN_OPTIONS|UBSAN_OPTIONS)$/.test(name),
  ),
]);

/** A command that goes to a folder of the world and there becomes the command behind it. */
const inFolder = ['sh', '-c', `cd ${workingFolder} && exec "$@"`, 'sh'];

export async function startServer(world: World): Promise<Server> {
  const node = [process.execPath, `--max-old-space-size=${memory}`, '-r', require.resolve('ts-node/register')];
  const child = spawn('nsenter', [...enter(world.keeper), ...inFolder, ...node, join(__dirname, 'server.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...environment, TS_NODE_PROJECT: resolve(__dirname, '../../tsconfig.json') },
  });
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'close').then(([code, signal]) => Promise.reject(new Error(`it ended: ${code ?? signal}`)));
  // Told to whoever waits for an answer; at the end nobody does.
  ended.catch(() => {});
  // Its first line says that everything is compiled and loaded.
  await Promise.race([once(lines, 'line'), ended]);
  return {
    serve: (request) => exchange(child, lines, ended, request),
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    },
  };
}

async function exchange(child: ChildProcess, lines: Interface, ended: Promise<never>, request: Wire): Promise<Served> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), patience);
  try {
    child.stdin?.write(`${JSON.stringify(request)}\n`);
    const [line] = await Promise.race([once(lines, 'line', { signal: limit.signal }), ended]);
    return JSON.parse(line as string);
  } catch (error) {
    if (!limit.signal.aborted) throw error;
    child.kill('SIGKILL');
    throw new Error(`no answer within ${patience} ms`);
  } finally {
    clearTimeout(timer);
    limit.abort();
  }
}
