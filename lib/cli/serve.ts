import { maxSize } from '../cni/decode';
import { CniError, ErrorCode, errorReport } from '../cni/errors';
import { handle } from '../plugin/handle';
import type { Surroundings } from '../process';
import { platformOf } from './platform';

/** Serves one request as the plugin `type`. Answers with the exit status. */
export async function servePlugin(type: string, around: Surroundings): Promise<number> {
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
