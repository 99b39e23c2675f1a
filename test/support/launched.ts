import { execFileSync } from 'node:child_process';
import { existsSync, linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  if (program !== undefined) replaceProgram(runtimeFolder(bin), program);
  return { bin, remove: () => rmSync(bin, { recursive: true }) };
}

function replaceProgram(runtime: string, program: string): void {
  const main = join(runtime, 'trestle.cjs');
  rmSync(main);
  writeFileSync(main, program);
  const bun = join(runtime, 'bun');
  if (!existsSync(bun)) return;
  // It has its program inside, but is called as Node is, so that Node can take its place.
  rmSync(bun);
  linkSync(join(runtime, 'node'), bun);
}

/** The runtime folder that the launchers in `bin` start. */
export function runtimeFolder(bin: string): string {
  const id = /trestle-launcher=([\w.+-]+)/.exec(readFileSync(join(bin, 'trestle'), 'latin1'))?.[1];
  if (id === undefined) throw new Error(`${bin}/trestle is not our launcher`);
  return join(bin, '.trestle', id);
}
