import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

export interface Ran {
  /** Exit status; null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** What it wrote to descriptor 3, if it was given one. */
  log: string;
}

export interface RunOptions {
  /** Standard input; absent means an empty one. */
  input?: string | Buffer;
  /** The whole environment. Absent means a fixed PATH and nothing else, so that a test does not depend on its caller's. */
  env?: Record<string, string>;
  /** After this time the process is killed. Milliseconds. */
  timeoutMs?: number;
  /** Gives it a descriptor 3 to write to. */
  log?: boolean;
  /** Is told the process's id as soon as it has one. */
  started?: (pid: number) => void;
}

export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Runs a program to its end. Rejects only when it cannot be started at all. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = spawn(file, args, {
    env: options.env ?? { PATH },
    timeout: options.timeoutMs ?? 120_000,
    killSignal: 'SIGKILL',
    stdio: options.log === true ? ['pipe', 'pipe', 'pipe', 'pipe'] : 'pipe',
  });
  if (child.pid !== undefined) options.started?.(child.pid);
  const [stdin, ...outputs] = child.stdio;
  const texts = outputs.map((output) => gather(output as Readable | null | undefined));
  // EPIPE: a program may end without reading what it was given.
  stdin?.on('error', () => {});
  stdin?.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const [stdout = '', stderr = '', log = ''] = texts.map((text) => text());
      resolve({ code, signal, stdout, stderr, log });
    });
  });
}

/** Collects a stream; the returned function gives what has come so far. */
function gather(stream: Readable | null | undefined): () => string {
  const chunks: Buffer[] = [];
  stream?.on('data', (chunk) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}

/** Runs a program that must succeed and returns what it wrote. */
export async function output(file: string, args: readonly string[], options?: RunOptions): Promise<string> {
  const ran = await run(file, args, options);
  if (ran.code !== 0) {
    throw new Error(`${file} ${args.join(' ')}: exit ${ran.code ?? ran.signal}: ${ran.stderr || ran.stdout}`);
  }
  return ran.stdout;
}
