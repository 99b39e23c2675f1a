import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PATH, type Ran, run } from './run';

const built = resolve(__dirname, '../../build/runtime');

/** What `make build` leaves for `make install`, with a runtime folder of one small file: quick to install, not to run. */
export interface Package {
  path: string;
  id: string;
  install(bin: string, env?: Record<string, string>): Promise<Ran>;
  uninstall(bin: string, state: string, env?: Record<string, string>): Promise<Ran>;
}

/** A package whose runtime folder is called `id`. Its launchers start nothing, but say whose they are. */
export function makePackage(id: string): Package {
  const path = mkdtempSync(join(tmpdir(), 'trestle-package-'));
  for (const name of ['install.sh', 'uninstall.sh', 'plugins', 'trestle.service', 'trestle.socket'])
    cpSync(join(built, name), join(path, name));
  mkdirSync(join(path, id));
  writeFileSync(join(path, id, 'trestle.cjs'), '');
  // The SHA-256 of nothing.
  const sum = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  writeFileSync(join(path, id, 'SHA256SUMS'), `${sum}  ./trestle.cjs\n`);
  writeFileSync(join(path, 'id'), `${id}\n`);
  writeFileSync(join(path, 'launcher'), `#!/bin/true trestle-launcher=${id}\n`);
  chmodSync(join(path, 'launcher'), 0o755);
  return {
    path,
    id,
    install: (bin, env) => run(join(path, 'install.sh'), [bin], { env: { PATH, ...env } }),
    uninstall: (bin, state, env) => run(join(path, 'uninstall.sh'), [bin, state], { env: { PATH, ...env } }),
  };
}

/** The names that a package is installed under. */
export function installedNames(): string[] {
  return [...readFileSync(join(built, 'plugins'), 'utf8').trim().split(/\s+/), 'trestle'];
}

/** Every file below `folder` with its mode and contents (a folder: its mode), by its path. */
export function tree(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(paths.map((path) => [path, describe(join(folder, path))]));
}

function describe(path: string): string {
  const status = lstatSync(path);
  return `${(status.mode & 0o7777).toString(8)} ${status.isFile() ? readFileSync(path, 'latin1') : 'folder'}`;
}
