import { spawn } from 'node:child_process';

export interface Ran {
  /** Exit status; null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** Standard input; absent means an empty one. */
  input?: string | Buffer;
  /** The whole environment. Absent means a fixed PATH and nothing else, so that a test does not depend on its caller's. */
  env?: Record<string, string>;
  /** After this time the process is killed. Milliseconds. */
  timeoutMs?: number;
}

export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Runs a program to its end. Rejects only when it cannot be started at all. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = spawn(file, args, {
    env: options.env ?? { PATH },
    timeout: options.timeoutMs ?? 30_000,
    killSignal: 'SIGKILL',
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk) => stdout.push(chunk));
  child.stderr.on('data', (chunk) => stderr.push(chunk));
  // EPIPE: a program may end without reading what it was given.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({ code, signal, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
    );
  });
}

/** Runs a program that must succeed and returns what it wrote. */
export async function output(file: string, args: readonly string[], options?: RunOptions): Promise<string> {
  const ran = await run(file, args, options);
  if (ran.code !== 0) {
    throw new Error(`${file} ${args.join(' ')}: exit ${ran.code ?? ran.signal}: ${ran.stderr || ran.stdout}`);
  }
  return ran.stdout;
}
