import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { PATH } from '../../support/run';

/**
 * Says which programs the suite that calls it drives. Where one is missing the suite is skipped, with the reason in its
 * title; with TRESTLE_CLIENTS=all, which `make test` sets, it fails instead: a lack must not be taken for a pass.
 */
export function describeWith(programs: readonly string[], title: string, suite: () => void): void {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) {
    describe(title, suite);
    return;
  }
  const reason = `not installed: ${missing.join(', ')}`;
  if (process.env.TRESTLE_CLIENTS !== 'all') {
    describe.skip(`${title} (${reason})`, suite);
    return;
  }
  describe(title, () => {
    it('has the programs that it drives', () => {
      throw new Error(reason);
    });
  });
}

function isInstalled(program: string): boolean {
  return PATH.split(':').some((folder) => isExecutable(join(folder, program)));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
