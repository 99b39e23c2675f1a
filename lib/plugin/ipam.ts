import type { GenericSchema } from 'valibot';
import { parseConfig } from '../cni/config';
import { lookup } from '../cni/decode';
import { execDelegate, hasPlugin } from '../cni/delegate';
import { CniError, ErrorCode } from '../cni/errors';
import type { Request } from '../cni/request';
import type { Result } from '../cni/result';
import type { Call } from './call';
import type { Host, IpamPlugin } from './define';
import { ifIdle } from './locks';
import type { Platform } from './platform';
import { isAttached } from './records';

/** The type that the configuration's `ipam` names, "" for none (no `ipam`, or one without a type: layer 2 only). */
export function ipamType(config: Record<string, unknown>): string {
  const ipam = lookup(config, 'ipam');
  const type = ipam !== null && typeof ipam === 'object' ? lookup(ipam as Record<string, unknown>, 'type') : undefined;
  return typeof type === 'string' ? type : '';
}

/** Whether there is an IPAM plugin of this name: one of ours, or a program along `path`. */
export function hasIpam({ plugins }: Pick<Platform, 'plugins'>, type: string, path: readonly string[]): boolean {
  const plugin = plugins.get(type);
  return plugin ? plugin.kind === 'ipam' : hasPlugin(type, path);
}

/** On whose behalf an IPAM plugin is asked. */
export type Caller = Pick<Call, 'platform' | 'trace'>;

/** Asks the IPAM plugin `type`: in this process if it is ours, by exec along CNI_PATH if not. A result comes from ADD only. */
export async function callIpam(caller: Caller, type: string, request: Request): Promise<Result | undefined> {
  const plugin = caller.platform.plugins.get(type);
  if (plugin?.kind === 'ipam') return runIpam(caller, plugin, request);
  if (plugin) throw new CniError(ErrorCode.invalidConfig, `"${type}" is not an IPAM plugin`, 'ipam.type');
  return caller.trace.ipam(type, request.command, () => execIpam(caller, type, request));
}

/** Code 11 where plugins of others are not run: the answer of whoever finishes the request counts. */
function execIpam({ platform, trace }: Caller, type: string, request: Request): Promise<Result | undefined> {
  if (platform.foreign) {
    platform.foreign();
    throw new CniError(ErrorCode.tryAgainLater, `IPAM plugin "${type}" is not run here`);
  }
  const { command, path, stdin } = request;
  const env = { ...platform.callerEnv(), ...attachmentEnv(request) };
  return execDelegate({ type, path, command, env, stdin, ...platform.programs, ended: trace.exec(command) });
}

/** The attachment that the request is about: the caller's own, except where GC or a repair removes another one. */
function attachmentEnv({ containerId, netns, ifname }: Request): Record<string, string> {
  return containerId === '' ? {} : { CNI_CONTAINERID: containerId, CNI_NETNS: netns, CNI_IFNAME: ifname };
}

/** Runs one of our IPAM plugins: as a delegate, or as the program that a foreign plugin called. */
export function runIpam(caller: Caller, plugin: IpamPlugin, request: Request): Promise<Result | undefined> {
  return caller.trace.ipam(plugin.type, request.command, (released) =>
    serveIpam(caller.platform, plugin, request, hostFor(caller.platform, request.type, released)),
  );
}

async function serveIpam(
  platform: Platform,
  plugin: IpamPlugin,
  request: Request,
  host: Host,
): Promise<Result | undefined> {
  if (request.command === 'DEL') {
    await plugin.del({ request, host, config: tolerantConfig(platform, plugin, request) });
    return undefined;
  }
  const context = { request, host, config: parseConfig(plugin.config, request.config) };
  switch (request.command) {
    case 'ADD':
      return plugin.add(context);
    case 'CHECK':
      await plugin.check(context);
      return undefined;
    case 'GC':
      await plugin.gc(context);
      return undefined;
    case 'STATUS':
      await plugin.status(context);
      return undefined;
    default:
      return request.command satisfies never;
  }
}

/**
 * For DEL, which does its best with what it gets: of a configuration with faults the keys that have none, and a warning;
 * undefined where the plugin cannot do without the others.
 */
export function tolerantConfig<C>(
  platform: Pick<Platform, 'warn'>,
  plugin: { type: string; config: GenericSchema<unknown, C> },
  request: Request,
): C | undefined {
  try {
    return parseConfig(plugin.config, request.config);
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    platform.warn(`${plugin.type}: ${error.message}; removing what can be found without it`);
    return faultless(plugin.config, request.config);
  }
}

function faultless<C>(schema: GenericSchema<unknown, C>, config: Record<string, unknown>): C | undefined {
  const right = Object.entries(config).filter(([key, value]) => understood(schema, { [key]: value }) !== undefined);
  return understood(schema, Object.fromEntries(right));
}

function understood<C>(schema: GenericSchema<unknown, C>, config: Record<string, unknown>): C | undefined {
  try {
    return parseConfig(schema, config);
  } catch (error) {
    if (error instanceof CniError) return undefined;
    throw error;
  }
}

/** What an IPAM plugin may use; `caller` is the type of the plugin on whose behalf it works, which holds the attachment's lock. */
export function hostFor(platform: Platform, caller: string, released?: Host['released']): Host {
  const { kernel, stateDir, began, now, warn, plugins } = platform;
  return {
    stateDir,
    get bootTime() {
      return platform.bootTime;
    },
    began,
    now,
    warn,
    ...(released && { released }),
    isAttached: (network, containerId, ifname) =>
      isAttached(platform, { network, containerId, ifname }, plugins.keys()),
    isBusy: async (network, containerId, ifname) => !(await ifIdle(platform, { network, containerId, ifname }, caller)),
    async flock(path) {
      const request = { kind: 'flock', path, timeoutMs: 60_000 } as const;
      const lock = kernel.tryLock(request) ?? (await kernel.lock(request));
      if (lock === null) throw new CniError(ErrorCode.tryAgainLater, `${path} is locked by another process`);
      return () => kernel.unlock(lock);
    },
  };
}
