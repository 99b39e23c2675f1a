import type { Platform } from '../plugin/platform';
import { followedLinks, maintain } from '../plugin/upkeep';
import type { Log } from './log';

/** What the names of all our tables begin with. */
const prefix = 'trestle_';

/**
 * As long as the daemon lives, tables of ours that somebody takes away are put back at once, and not only by the next ADD.
 * Whatever happens while that is done is seen by the next look. A kernel that tells nothing ends it: ADD and CHECK still look.
 */
export async function keepTables(platform: Platform, log: Log): Promise<void> {
  const links = followedLinks(platform);
  try {
    for (;;) {
      // Both at once: where the kernel tells nothing, that may be known before all is looked at.
      await Promise.all([
        platform.kernel.watch({ prefix, links }),
        maintain(platform).then(
          () => log.debug('tables are kept'),
          (error: Error) => log.warn({ error: error.message }, 'upkeep'),
        ),
      ]);
    }
  } catch (error) {
    log.warn({ error: (error as Error).message }, 'tables are not watched');
  }
}
