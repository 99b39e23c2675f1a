import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { parseArgs } from '../cni/args';
import { assertIfname } from '../cni/environment';
import { type Attachment, defaultCacheFolder } from '../cni/runtime/cache';
import type { Runtime } from '../cni/runtime/chain';
import { faultText, loadNetworks, type NetworkFile } from '../cni/runtime/files';
import { inTurn, withSharedLock } from '../plugin/locks';
import type { Platform } from '../plugin/platform';
import type { Surroundings } from '../process';
import { CommandError } from './command';
import { invoke, type Plugins } from './invoke';
import { platformOf } from './platform';
import { withProgress } from './tracing';

/** The variables that say where networks and plugins are, as cnitool reads them. */
export const runtimeEnvironment = {
  NETCONFPATH: 'the folder of network configurations; /etc/cni/net.d by default',
  CNI_PATH: 'the folders of plugins, separated by colons; /opt/cni/bin by default',
} as const;

/** The variables that say what a single attachment is. */
export const attachmentEnvironment = {
  ...runtimeEnvironment,
  CNI_IFNAME: "the interface's name in the container; eth0 by default",
  CNI_ARGS: 'arguments for the plugins: "KEY=VALUE;KEY=VALUE"',
  CAP_ARGS: 'what the capabilities of plugins ask for, a JSON object: {"portMappings": […]}',
} as const;

/** The runtime that this process is for the length of a command. */
export interface CommandRuntime extends Runtime {
  platform: Platform;
  plugins: Plugins;
  /** NETCONFPATH. */
  folder: string;
}

/** `trace` is given a line for each step that is done. */
export function runtimeOf(around: Surroundings, options: Pick<Platform, 'trace' | 'programs'> = {}): CommandRuntime {
  const { env } = around;
  const platform = platformOf(around, options);
  const path = (env.CNI_PATH || '/opt/cni/bin').split(':').filter((folder) => folder !== '');
  const plugins = { platform, path, env };
  return {
    platform,
    plugins,
    folder: env.NETCONFPATH || '/etc/cni/net.d',
    cacheFolder: defaultCacheFolder,
    bootTime: platform.bootTime,
    invoke: (invocation) =>
      withProgress(around, `waiting for ${invocation.type} to ${invocation.command}`, () =>
        invoke(plugins, invocation),
      ),
    warn: platform.warn,
  };
}

/** The usable networks of the folder; why others are none is said as warnings. Throws {@link CommandError}. */
export function networksOf(runtime: CommandRuntime): NetworkFile[] {
  const { folder, warn } = runtime;
  const { networks, faults } = configurations(runtime);
  for (const fault of faults) warn(faultText(fault));
  if (networks.length > 0) return networks;
  throw new CommandError(`no network configuration in ${folder}${faults.length > 0 ? ' can be used' : ''}`);
}

/** What is in the folder. Throws {@link CommandError} when it cannot be read. */
export function configurations({ folder }: Pick<CommandRuntime, 'folder'>): ReturnType<typeof loadNetworks> {
  try {
    return loadNetworks(folder);
  } catch (error) {
    throw new CommandError(`cannot read ${folder}: ${(error as Error).message}`);
  }
}

/** The network of that name. Throws {@link CommandError} that tells which there are. */
export function networkNamed(runtime: CommandRuntime, name: string): NetworkFile {
  return chooseNetwork(networksOf(runtime), name, runtime);
}

/** As {@link networkNamed}, of networks that are read already. */
export function chooseNetwork(
  networks: readonly NetworkFile[],
  name: string,
  { folder }: Pick<CommandRuntime, 'folder'>,
): NetworkFile {
  const named = networks.filter((one) => one.name !== '');
  const network = named.find((one) => one.name === name);
  if (network) return network;
  const names = named.map((one) => `"${one.name}"`).join(', ') || 'none that has a name';
  throw new CommandError(`no network "${name}" in ${folder}: there is ${names}`);
}

/** A namespace by its path, its name (as `ip netns` has it) or the id of a process in it. */
export function netnsPath(operand: string): string {
  if (/^\d+$/.test(operand)) return `/proc/${operand}/ns/net`;
  return operand.includes('/') ? resolve(operand) : `/run/netns/${operand}`;
}

/** The container ID that cnitool gives a namespace, so that either can detach what the other has attached. */
export function containerIdFor(netns: string): string {
  return `cnitool-${createHash('sha512').update(netns).digest('hex').slice(0, 20)}`;
}

/** What the environment says of an attachment. Throws {@link CommandError}, or {@link CniError} 4 for CNI_ARGS. */
export function attachmentOf({ env }: Surroundings, netnsOperand: string): Attachment {
  const netns = netnsPath(netnsOperand);
  return {
    containerId: containerIdFor(netns),
    netns,
    ifname: ifnameIn(env),
    args: parseArgs(env.CNI_ARGS ?? '').pairs,
    capabilityArgs: capabilityArgs(env.CAP_ARGS ?? ''),
  };
}

/** Checked here, since the kept result has it in the name of its file, and not every plugin looks. */
function ifnameIn({ CNI_IFNAME: ifname = '' }: Surroundings['env']): string {
  if (ifname === '') return 'eth0';
  try {
    assertIfname(ifname);
  } catch (error) {
    throw new CommandError(`CNI_IFNAME: ${(error as Error).message}`);
  }
  return ifname;
}

function capabilityArgs(text: string): Record<string, unknown> {
  if (text === '') return {};
  try {
    const args: unknown = JSON.parse(text);
    if (args !== null && typeof args === 'object' && !Array.isArray(args)) return args as Record<string, unknown>;
    throw new Error('expected an object');
  } catch (error) {
    throw new CommandError(`CAP_ARGS: ${(error as Error).message}`);
  }
}

/**
 * Only one thing at a time is done to a container, and nothing while a GC of the network is under way (specification,
 * "Lifecycle & Ordering"), whoever runs `trestle`.
 */
export function oneAtATime<T>(
  runtime: CommandRuntime,
  network: string,
  attachment: Pick<Attachment, 'containerId'>,
  work: () => Promise<T>,
): Promise<T> {
  return inTurn(runtime.platform, `network ${network}`, 'beside', () => inItsTurn(runtime, attachment, work));
}

const inItsTurn = <T>(
  { platform }: CommandRuntime,
  { containerId }: Pick<Attachment, 'containerId'>,
  work: () => Promise<T>,
): Promise<T> => withSharedLock(platform, `container ${containerId}`, work);

/**
 * Does a GC of the network while nothing is added to it or removed, with a runtime that waits, too, for what another
 * network does to a container. What is valid is to be asked within: an ADD may just have ended.
 */
export function whileIdle<T>(
  runtime: CommandRuntime,
  network: string,
  work: (runtime: CommandRuntime) => Promise<T>,
): Promise<T> {
  const invoke: Runtime['invoke'] = (invocation) => {
    const { attachment } = invocation;
    const calling = () => runtime.invoke(invocation);
    return attachment ? inItsTurn(runtime, attachment, calling) : calling();
  };
  return inTurn(runtime.platform, `network ${network}`, 'alone', () => work({ ...runtime, invoke }));
}
