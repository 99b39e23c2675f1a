import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Self } from './decline';
import { type Place, places } from './request';

/** What this process is, if it runs from `folder`: `<bin>/.trestle/<build id>`. */
export function selfIn(folder: string): Self {
  return { build: basename(folder), place: ownPlace() };
}

function ownPlace(): Place {
  const found = places.map((name) => {
    const { dev, ino } = statSync(name === 'root' ? '/' : `/proc/self/ns/${name}`, { bigint: true });
    return [name, `${dev}:${ino}`];
  });
  return Object.fromEntries(found) as Place;
}

/** Whether the launchers beside the runtime folder start another one by now, or are gone. */
export function isReplaced(folder: string): boolean {
  try {
    const launcher = readFileSync(join(dirname(dirname(folder)), 'trestle'), 'latin1');
    return !launcher.includes(`trestle-launcher=${basename(folder)}\0`);
  } catch {
    return true;
  }
}
