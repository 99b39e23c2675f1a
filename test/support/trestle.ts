import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { PATH, type Ran } from './run';
import type { World } from './world';

/** The folder of a world that {@link trestle} finds networks in. */
export const configurations = '/run/net.d';

/** Writes a file into {@link configurations}; an object as JSON. */
export function configure(world: World, name: string, content: object | string): void {
  const file = world.path(join(configurations, name));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content));
}

/** The container ID that cnitool, and so `trestle`, gives to a namespace. */
export const containerIdOf = (netns: string): string =>
  `cnitool-${createHash('sha512').update(netns).digest('hex').slice(0, 20)}`;

/** Runs `trestle` in the world as a script does: `line` is split at spaces. Plugins are the world's own, then /run/bin's. */
export function trestle(world: World, line: string, env: Record<string, string> = {}): Promise<Ran> {
  return world.run(join(world.plugins, 'trestle'), line.split(' '), {
    env: { PATH, NETCONFPATH: configurations, CNI_PATH: `${world.plugins}:/run/bin`, ...env },
  });
}

/** As {@link trestle}, which must end with 0 and have nothing to say to people. Returns what it printed. */
export async function done(world: World, line: string, env: Record<string, string> = {}): Promise<string> {
  const { code, stderr, stdout } = await trestle(world, line, env);
  expect({ code, stderr }, `trestle ${line}`).to.deep.equal({ code: 0, stderr: '' });
  return stdout;
}

/** `trestle add`, which must succeed. Returns the result. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into it as they like
export async function added(world: World, operands: string, env: Record<string, string> = {}): Promise<any> {
  return JSON.parse(await done(world, `add ${operands}`, env));
}

/** As {@link trestle}, which must print nothing and fail. Returns its exit status and what it said. */
export async function failed(
  world: World,
  line: string,
  env: Record<string, string> = {},
): Promise<{ code: number | null; stderr: string }> {
  const { code, stderr, stdout } = await trestle(world, line, env);
  expect(stdout, `trestle ${line}`).to.equal('');
  return { code, stderr };
}
