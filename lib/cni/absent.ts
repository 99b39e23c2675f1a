import { lstatSync, readlinkSync, unlinkSync } from 'node:fs';

/*
 * For what is often not there: an exception takes Node ten times as long as to look first.
 */

/** Removes a file or a link; one that is gone already is no error. */
export function removeFile(path: string): void {
  if (!exists(path)) return;
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** What a symbolic link holds; undefined where there is none. */
export function linkTarget(path: string): string | undefined {
  try {
    return exists(path) ? readlinkSync(path) : undefined;
  } catch {
    return undefined;
  }
}

const exists = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
