import { readFileSync } from 'node:fs';
import { toVersion } from '../cni/convert';
import { execDelegate, findPlugin, hasPlugin } from '../cni/delegate';
import { CniError, ErrorCode } from '../cni/errors';
import type { Command } from '../cni/request';
import type { Invocation } from '../cni/runtime/chain';
import { handle } from '../plugin/handle';
import type { Platform } from '../plugin/platform';
import { execTold } from '../plugin/trace';

/** How plugins are called: ours in this process, anybody else's by exec along CNI_PATH. */
export interface Plugins {
  platform: Platform;
  /** CNI_PATH, split. */
  path: readonly string[];
}

type Json = Record<string, unknown>;

/** Calls a plugin and answers with what its ADD printed. Throws the plugin's own error. */
export async function invoke(plugins: Plugins, invocation: Invocation): Promise<Json | undefined> {
  return isOurs(plugins, invocation.type) ? here(plugins, invocation) : elsewhere(plugins, invocation);
}

/**
 * Whether the plugin that a runtime would find is this program, of whatever version; where it would find none, whether we
 * have one.
 */
export function isOurs({ platform, path }: Pick<Plugins, 'platform' | 'path'>, type: string): boolean {
  if (!platform.plugins.has(type)) return false;
  return !hasPlugin(type, path) || isLauncher(findPlugin(type, path));
}

/** By the mark that `native/launcher` carries for the installer, too. */
function isLauncher(file: string): boolean {
  try {
    return readFileSync(file).includes('trestle-launcher=');
  } catch {
    return false;
  }
}

async function here({ platform, path }: Plugins, { type, command, config, attachment }: Invocation) {
  const env = environment(command, path, attachment);
  // An IPAM plugin that is not ours is to find them in its environment, too: they are not in this process's own.
  const around = { ...platform, callerEnv: () => ({ ...platform.callerEnv(), ...env }) };
  const { stdout, exitCode, release } = await handle({ type, env, stdin: jsonOf(config) }, around);
  release();
  if (exitCode === 0) return stdout === '' ? undefined : (JSON.parse(stdout) as Json);
  const { code, msg, details } = JSON.parse(stdout);
  throw new CniError(code, msg, details);
}

async function elsewhere({ platform, path }: Plugins, { type, command, config, attachment }: Invocation) {
  if (command === 'VERSION') throw new CniError(ErrorCode.invalidEnvironment, 'VERSION is asked by exec only');
  const call = { type, path, command, env: { ...platform.callerEnv(), ...environment(command, path, attachment) } };
  const ended = execTold(platform, `${command} ${type} ${attachment?.ifname ?? ''}`.trimEnd(), command);
  // In whole lines: the first plugin that a person writes reads them by `read`.
  const stdin = Buffer.from(`${JSON.stringify(config, null, 2)}\n`);
  const result = await execDelegate({ ...call, ...platform.programs, stdin, ended, resultOptional: true });
  // A first plugin, in a few lines of shell, does no more than tell what it is called with.
  if (command === 'ADD' && !result) platform.warn(`plugin "${type}" has printed no result; going on without`);
  return result && toVersion(result, (config.cniVersion as string | undefined) ?? '0.1.0');
}

/** A configuration as a plugin reads it. */
export const jsonOf = (config: Json): Buffer => Buffer.from(JSON.stringify(config));

/** The protocol's variables (specification, "Parameters"); those that a command does not have are there and empty, as by libcni. */
export function environment(command: Command, path: readonly string[], attachment: Invocation['attachment']) {
  const { containerId = '', netns = '', ifname = '', args = [] } = attachment ?? {};
  return {
    CNI_COMMAND: command,
    CNI_CONTAINERID: containerId,
    CNI_NETNS: netns,
    CNI_IFNAME: ifname,
    CNI_ARGS: args.map((pair) => pair.join('=')).join(';'),
    CNI_PATH: path.join(':'),
  };
}
