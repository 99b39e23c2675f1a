import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a program is kept from what happens to this process. */
export interface ProgramOptions {
  /** In a session of its own: Ctrl-C on the terminal does not reach it. */
  apart?: true;
  /** A descriptor that it holds open, too, as its number 3: a lock, which so lasts as long as the program does. */
  holding?: number | undefined;
}

export interface Run extends ProgramOptions {
  program: string;
  env: Readonly<Record<string, string | undefined>>;
  stdin: Uint8Array;
  stderr?: 'inherit' | number;
  signal?: AbortSignal | undefined;
}

/** How a program ended ("exit status 1", as Go says it, or "signal: SIGKILL"), and what it had printed. */
export interface Exit {
  status: string;
  stdout: string;
  /** It printed more than is read, and was killed for it. */
  tooLong: boolean;
}

/** Milliseconds before each further try of a program that is just being written (ETXTBSY): five seconds, as in libcni. */
const busyDelays = [50, 200, 750, 1000, 3000];

/** Bytes. */
export const maxOutput = 16 * 1024 * 1024;

/** Runs a program, without a shell and without arguments, to its end. Rejects when it cannot be started. */
export async function run(options: Run): Promise<Exit> {
  if (!isProgram(options.program)) throw new Error('exec format error');
  for (const delay of busyDelays) {
    try {
      return await runOnce(options);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ETXTBSY') throw error;
    }
    await sleep(delay);
  }
  return runOnce(options);
}

/** Whether it begins as a program does, or a script. By the execvp that Node starts it with anything else would become a shell's. */
function isProgram(path: string): boolean {
  const start = Buffer.alloc(4);
  try {
    const file = openSync(path, 'r');
    readSync(file, start);
    closeSync(file);
  } catch {
    // To execute it will tell why.
    return true;
  }
  return start.equals(Buffer.from('\x7fELF')) || start.subarray(0, 2).toString() === '#!';
}

function runOnce({ program, env, stdin, stderr = 'inherit', signal, apart, holding }: Run): Promise<Exit> {
  return new Promise((resolve, reject) => {
    const stdio = ['pipe', 'pipe', stderr, ...(holding === undefined ? [] : [holding])] as const;
    const child = spawn(program, [], { env: { ...env }, stdio: [...stdio], detached: apart === true });
    const kill = () => child.kill('SIGKILL');
    const output = collect(child, kill);
    if (signal?.aborted) kill();
    signal?.addEventListener('abort', kill);
    child.on('error', (error) => {
      // Also told when a kill failed; only a program that never ran has no pid.
      if (child.pid === undefined) reject(error);
    });
    child.on('close', (code, by) => {
      signal?.removeEventListener('abort', kill);
      const stdout = Buffer.concat(output.chunks).toString();
      resolve({ status: statusText(code, by), stdout, tooLong: output.tooLong });
    });
    // A program may end without reading its input: EPIPE.
    child.stdin?.on('error', () => {});
    child.stdin?.end(stdin);
  });
}

function collect(child: ChildProcess, kill: () => void): { chunks: Buffer[]; tooLong: boolean } {
  const output = { chunks: [] as Buffer[], tooLong: false };
  let size = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    size += chunk.length;
    output.tooLong = size > maxOutput;
    if (output.tooLong) kill();
    else output.chunks.push(chunk);
  });
  return output;
}

function statusText(code: number | null, by: NodeJS.Signals | null): string {
  return code === null ? `signal: ${by}` : `exit status ${code}`;
}
