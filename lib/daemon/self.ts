import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Self } from './decline';
import { type Namespaces, namespaceKinds } from './request';

/** What this process is, if it runs from `folder`: `<bin>/.trestle/<build id>`. */
export function selfIn(folder: string): Self {
  return { build: basename(folder), namespaces: ownNamespaces() };
}

function ownNamespaces(): Namespaces {
  const found = namespaceKinds.map((kind) => {
    const { dev, ino } = statSync(`/proc/self/ns/${kind}`, { bigint: true });
    return [kind, `${dev}:${ino}`];
  });
  return Object.fromEntries(found) as Namespaces;
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
