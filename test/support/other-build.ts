import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { runtimeFolder } from './launched';

/** Makes what is installed in `bin` another build: its launchers, and the folder that they start. Files may be linked ones. */
export function makeOtherBuild(bin: string): void {
  const folder = runtimeFolder(bin);
  const id = basename(folder);
  const other = `${id.slice(0, -1)}${id.endsWith('0') ? '1' : '0'}`;
  renameSync(folder, join(dirname(folder), other));
  for (const name of readdirSync(bin).filter((entry) => !entry.startsWith('.'))) {
    const file = join(bin, name);
    const text = readFileSync(file, 'latin1').replaceAll(id, other);
    rmSync(file);
    writeFileSync(file, text, { encoding: 'latin1', mode: 0o755 });
  }
}
