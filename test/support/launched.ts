import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { installedPlugins } from './plugins';

/** The installed plugins, but with another program than Trestle's behind the launcher: one that tells how it was started. */
export interface Launched {
  bin: string;
  remove(): void;
}

/** Installs `program`, the text of a CommonJS module, in place of Trestle's if it is given; the rest is linked, not copied. */
export function launchedProgram(program?: string): Launched {
  const bin = mkdtempSync(resolve(__dirname, '../../build/launched-'));
  execFileSync('cp', ['-al', `${installedPlugins}/.`, bin]);
  const main = join(runtimeFolder(bin), 'trestle.cjs');
  if (program !== undefined) {
    rmSync(main);
    writeFileSync(main, program);
  }
  return { bin, remove: () => rmSync(bin, { recursive: true }) };
}

/** The runtime folder that the launchers in `bin` start. */
export function runtimeFolder(bin: string): string {
  const id = /trestle-launcher=([\w.+-]+)/.exec(readFileSync(join(bin, 'trestle'), 'latin1'))?.[1];
  if (id === undefined) throw new Error(`${bin}/trestle is not our launcher`);
  return join(bin, '.trestle', id);
}
