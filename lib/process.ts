import { readFileSync, writeSync } from 'node:fs';

/** The one place that touches `process`: everything else is told what it needs. */
export interface Surroundings {
  /** The name this program was called by, and its arguments. */
  name: string;
  args: string[];
  /** When this process started: milliseconds since the epoch. */
  began: number;
  env: Readonly<Record<string, string | undefined>>;
  readStdin(): Buffer;
  out(text: string): void;
  err(text: string): void;
}

/** What the launcher (`native/launcher`) and `bin/trestle.ts` are called as: `node trestle.cjs NAME ARGS…`. */
export function surroundings(): Surroundings {
  const [name = 'trestle', ...args] = process.argv.slice(2);
  return {
    name,
    args,
    began: Date.now() - process.uptime() * 1000,
    env: process.env,
    readStdin: () => readFileSync(0),
    out: (text) => write(1, text),
    err: complain,
  };
}

/** Not by `process.stdout`: the streams it loads take longer to start than a request takes to serve. */
function write(fd: number, text: string): void {
  for (let rest = Buffer.from(text); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      // The caller made its end non-blocking, and is slow to read.
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
