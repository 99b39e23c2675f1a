import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { CniError, ErrorCode } from '../cni/errors';

/**
 * For STATUS: throws code 50 unless files can be made in `folder`. Where it is missing the nearest one above it is
 * asked, since STATUS makes none. `what` is what could not be done: "leases cannot be written".
 */
export function demandWritable(folder: string, what: string): void {
  try {
    if (!statSync(folder).isDirectory()) throw new Error(`${folder} is no directory`);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT' && dirname(folder) !== folder;
    if (!isMissing) throw new CniError(ErrorCode.unavailable, `${what}: ${(error as Error).message}`);
    demandWritable(dirname(folder), what);
  }
}
