import { maxSize } from '../cni/decode';
import { CniError, ErrorCode, errorReport } from '../cni/errors';
import { handle } from '../plugin/handle';
import { plugins } from '../plugins';
import type { Surroundings } from '../process';
import { platformOf } from './platform';

/** The whole program: a plugin if it was called by a plugin's name, the `trestle` command otherwise. Answers with the exit status. */
export async function main(around: Surroundings): Promise<number> {
  if (plugins.has(around.name)) return plugin(around.name, around);
  // A bundle of its own, so that it does not make a plugin start later.
  const { trestle } = require('./trestle') as typeof import('./trestle');
  return trestle(around, plugin);
}

/** Serves one request as the plugin `type`. */
async function plugin(type: string, around: Surroundings): Promise<number> {
  try {
    const request = { type, env: around.env, stdin: around.readStdin(maxSize) };
    const { stdout, exitCode, release } = await handle(request, platformOf(around));
    if (stdout !== '') around.out(stdout);
    release();
    return exitCode;
  } catch (error) {
    // Of what is around the request: its standard streams, and files of /proc.
    around.out(errorReport(new CniError(ErrorCode.io, (error as Error).message)));
    return 1;
  }
}
