import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

const root = '/sys/fs/cgroup';

/** The folders of a cgroup in every hierarchy that has it: one for each controller in version 1, a single one in version 2. */
function foldersOf(name: string): string[] {
  const hierarchies = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [root, ...hierarchies.map((entry) => join(root, entry.name))]
    .map((hierarchy) => join(hierarchy, name))
    .filter((folder) => existsSync(folder));
}

/** The paths of all cgroups below this one. */
export function cgroupsBelow(name: string): string[] {
  return foldersOf(name).flatMap(descendants);
}

/** Removes a cgroup, which no process may be in, with all that are below it. */
export function removeCgroup(name: string): void {
  for (const folder of foldersOf(name)) {
    for (const path of [...descendants(folder).reverse(), folder]) rmdirSync(path);
  }
}

/** Parents before their children. */
function descendants(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => [join(folder, entry.name), ...descendants(join(folder, entry.name))]);
}
