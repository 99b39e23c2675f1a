import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { output, PATH, type Ran } from './run';
import { configurations } from './trestle';
import type { World } from './world';

const source = resolve(__dirname, 'libcni/main.go');
const program = resolve(__dirname, '../../build/test/libcni');

/** Builds libcni/main.go, unless that was done, with the libcni that Debian has in GOPATH form. */
export async function buildLibcni(): Promise<void> {
  const made = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (made > statSync(source).mtimeMs) return;
  mkdirSync(dirname(program), { recursive: true });
  const env = { PATH, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOCACHE: resolve(program, '../go-cache') };
  await output('go', ['build', '-o', program, source], { env });
}

/** As `trestle` of ./trestle.ts, by libcni: "add net /run/netns/blue". */
export function libcni(world: World, line: string, env: Record<string, string> = {}): Promise<Ran> {
  return world.run(program, line.split(' '), {
    env: { PATH, NETCONFPATH: configurations, CNI_PATH: `${world.plugins}:/run/bin`, ...env },
  });
}
