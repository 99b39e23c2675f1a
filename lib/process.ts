import { readSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';

/** The one place that touches `process`: everything else is told what it needs. */
export interface Surroundings {
  /** The name this program was called by, and its arguments. */
  name: string;
  args: string[];
  /** When we were called: milliseconds since the epoch. */
  began: number;
  env: Readonly<Record<string, string | undefined>>;
  /** Standard input up to its end, or one byte more than `limit`: it may have none. */
  readStdin(limit: number): Buffer;
  out(text: string): void;
  err(text: string): void;
  /** Whether a person is likely to read there. */
  outIsTerminal: boolean;
  errIsTerminal: boolean;
  /** From now on the signals that ask a program to end are told by their numbers, and do not end it. */
  onSignals(told: (signal: number) => void): void;
  pid: number;
  /** Runs `work`; what it creates is nobody else's to use (umask 177). */
  privately(work: () => void): void;
}

/** What the launcher (`native/launcher`) and `bin/trestle.ts` are called as: `node trestle.cjs NAME ARGS…`. */
export function surroundings(): Surroundings {
  const [name = 'trestle', ...args] = process.argv.slice(2);
  return {
    name,
    args,
    // The launcher, before it becomes this process, reads the standard input, and may wait for a daemon.
    began: Number(process.env.TRESTLE_BEGAN) || Date.now() - process.uptime() * 1000,
    env: process.env,
    readStdin: (limit) => read(0, limit),
    out: (text) => write(1, text),
    err: complain,
    get outIsTerminal() {
      return isatty(1);
    },
    get errIsTerminal() {
      return isatty(2);
    },
    onSignals: (told) => {
      for (const name of ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP']) {
        process.on(name, (_name, signal: number) => told(signal));
      }
    },
    pid: process.pid,
    privately: (work) => {
      const mask = process.umask(0o177);
      try {
        work();
      } finally {
        process.umask(mask);
      }
    },
  };
}

function read(fd: number, limit: number): Buffer {
  const chunks: Buffer[] = [];
  for (let size = 0; size <= limit; ) {
    const chunk = Buffer.allocUnsafe(Math.min(65_536, limit + 1 - size));
    const length = patiently(() => readSync(fd, chunk, 0, chunk.length, null));
    if (length === 0) break;
    chunks.push(chunk.subarray(0, length));
    size += length;
  }
  return Buffer.concat(chunks);
}

/** Not by `process.stdout`: the streams it loads take longer to start than a request takes to serve. */
function write(fd: number, text: string): void {
  for (let rest = Buffer.from(text); rest.length > 0; ) {
    rest = rest.subarray(patiently(() => writeSync(fd, rest)));
  }
}

/** Tries again while the caller, who made its end non-blocking, is slow. */
function patiently(work: () => number): number {
  for (;;) {
    try {
      return work();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

/** What cannot be said to anybody does not make a request fail. */
function complain(text: string): void {
  try {
    write(2, text);
  } catch {
    // Nobody reads it.
  }
}

/** Ends this process with `status` once `work` is done; what escapes from it is a bug, and is told as one line. */
export function run(work: () => Promise<number>): void {
  work().then(
    (status) => {
      // At once: taking the engine down in good order takes milliseconds.
      process.exit(status);
    },
    (error: unknown) => {
      complain(`trestle: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(1);
    },
  );
}
