import { native } from '../../../lib/kernel/native';
import { type TestHost, testHost } from './support';

/** A host whose lock other processes see: the addon's. */
export function lockingHost(stateDir: string): TestHost {
  return {
    ...testHost(stateDir),
    async flock(path) {
      const lock = await native().lock({ kind: 'flock', path, timeoutMs: 30_000 });
      if (lock === null) throw new Error(`${path} stays locked`);
      return () => native().unlock(lock);
    },
  };
}
