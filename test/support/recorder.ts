import { existsSync, readFileSync, rmSync } from 'node:fs';
import { addScript } from './network';
import type { World } from './world';

/** What a plugin of {@link addRecorder} was given. */
export interface RecordedCall {
  /** As in a log: "ADD one". */
  call: string;
  /** The protocol's variables; CNI_COMMAND is in `call`. */
  env: Record<'CNI_CONTAINERID' | 'CNI_NETNS' | 'CNI_IFNAME' | 'CNI_ARGS' | 'CNI_PATH', string>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it as they like
  stdin: any;
}

const variables = ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_ARGS', 'CNI_PATH'] as const;

/** What the plugin `type` of {@link addRecorder} answers to an ADD. */
export const resultOf = (type: string, cniVersion = '1.0.0'): object => ({
  cniVersion,
  interfaces: [{ name: type }],
  ips: [{ address: '10.9.0.2/24' }],
});

const separator = '\x1f';

/**
 * Makes /run/bin/`type`, a plugin of somebody else's in a few lines of shell, which notes what it is given, then does what
 * `script` says, and answers an ADD with {@link resultOf}. {@link takeCalls} reads the notes.
 */
export function addRecorder(world: World, type: string, script = ''): void {
  const words = ['$CNI_COMMAND $(basename "$0")', ...variables.map((name) => `\${${name}-unset}`), '$(cat)'];
  addScript(
    world,
    `/run/bin/${type}`,
    `printf '%s${separator}' ${words.map((word) => `"${word}"`).join(' ')} >>/run/calls
${script}
[ "$CNI_COMMAND" != ADD ] || echo '${JSON.stringify(resultOf(type))}'`,
  );
}

/** The calls since it was last asked. */
export function takeCalls(world: World): RecordedCall[] {
  const log = world.path('/run/calls');
  const words = existsSync(log) ? readFileSync(log, 'utf8').split(separator) : [];
  rmSync(log, { force: true });
  const length = variables.length + 2;
  return Array.from({ length: Math.floor(words.length / length) }, (_, i) =>
    recorded(words.slice(i * length, (i + 1) * length)),
  );
}

function recorded([call = '', ...words]: string[]): RecordedCall {
  const env = Object.fromEntries(variables.map((name, i) => [name, words[i]])) as RecordedCall['env'];
  return { call, env, stdin: JSON.parse(words.at(-1) ?? '') };
}
