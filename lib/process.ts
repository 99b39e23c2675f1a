import { readFileSync } from 'node:fs';

/** The one place that touches `process`: everything else is told what it needs. */
export interface Surroundings {
  /** The name this program was called by, and its arguments. */
  name: string;
  args: string[];
  env: Readonly<Record<string, string | undefined>>;
  readStdin(): Buffer;
  out(text: string): void;
  err(text: string): void;
}

/** What the launcher (`native/launcher`) and `bin/trestle.ts` are called as: `node trestle.js NAME ARGS…`. */
export function surroundings(): Surroundings {
  const [name = 'trestle', ...args] = process.argv.slice(2);
  return {
    name,
    args,
    env: process.env,
    readStdin: () => readFileSync(0),
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  };
}

/** Ends this process with `status` once `work` is done; what escapes from it is a bug, and is told as one line. */
export function run(work: () => Promise<number>): void {
  work().then(
    (status) => {
      process.exitCode = status;
    },
    (error: unknown) => {
      process.stderr.write(`trestle: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    },
  );
}
