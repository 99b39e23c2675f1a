import { parseResult, toVersion } from '../convert';
import { lookup } from '../decode';
import { CniError, ErrorCode, errorObject } from '../errors';
import type { Command } from '../request';
import { assertSupported, isAtLeast } from '../versions';
import { type Attachment, cacheTime, listCache, readCache, removeCache, writeCache } from './cache';
import type { Network, PluginConfig } from './network';

/** A call of one plugin. */
export interface Invocation {
  type: string;
  command: Command;
  /** All of the plugin's standard input. */
  config: Record<string, unknown>;
  /** Absent for GC and STATUS. */
  attachment?: Attachment;
}

/** What a runtime has to have. */
export interface Runtime {
  /** Calls a plugin, wherever it is; answers with what an ADD printed, if it did. Throws {@link CniError}. */
  invoke(invocation: Invocation): Promise<Record<string, unknown> | undefined>;
  /** "/var/lib/cni": where libcni, and so we, keep results. */
  cacheFolder: string;
  /** When this kernel started, milliseconds since the epoch: what was kept before is no attachment any more. */
  bootTime: number;
  warn(message: string): void;
}

type Json = Record<string, unknown>;

/**
 * Attaches a container: every plugin in turn, each with the result of the one before it. Answers with the last one's
 * result, in the network's version, which is kept. What a failing chain has done is taken back before the error is thrown,
 * except where an earlier ADD of the same attachment is on record since the machine was started: a DEL would end that
 * one.
 */
export async function addNetwork(runtime: Runtime, network: Network, attachment: Attachment): Promise<Json> {
  assertSupported(network.cniVersion || '0.1.0');
  let result: Json | undefined;
  for (const [i, plugin] of network.plugins.entries()) {
    try {
      const printed = await call(runtime, 'ADD', network, plugin, { attachment, prevResult: result });
      if (printed) result = inVersion(printed, network, plugin);
    } catch (error) {
      await takeBack(runtime, { ...network, plugins: network.plugins.slice(0, i + 1) }, attachment, result);
      throw told(plugin, 'add', error);
    }
  }
  try {
    remember(runtime, network, attachment, result);
  } catch (error) {
    await takeBack(runtime, network, attachment, result);
    throw new CniError(ErrorCode.io, `failed to cache the result: ${(error as Error).message}`, '', { cause: error });
  }
  return result ?? {};
}

/** What an ADD printed, in the version of the network: it is the next one's prevResult, and what is kept. */
function inVersion(printed: Json, { cniVersion }: Network, { type }: PluginConfig): Json {
  const version = cniVersion || '0.1.0';
  return toVersion(parseResult(printed, version, `result of "${type}"`), version);
}

/** Libcni leaves a failed ADD to its caller; the specification wants it followed by a DEL. */
async function takeBack(runtime: Runtime, network: Network, attachment: Attachment, prevResult?: Json): Promise<void> {
  if (isAttached(runtime, network, attachment)) return;
  for (const plugin of [...network.plugins].reverse()) {
    try {
      await call(runtime, 'DEL', network, plugin, { attachment, prevResult });
    } catch (error) {
      runtime.warn(`while taking it back: ${told(plugin, 'delete', error).message}`);
    }
  }
}

/** Milliseconds by which a clock may have been set while the machine started. */
const bootMargin = 60_000;

function isAttached({ cacheFolder, bootTime }: Runtime, { name }: Network, attachment: Attachment): boolean {
  const kept = cacheTime(cacheFolder, { network: name, ...attachment });
  return kept !== undefined && kept > bootTime - bootMargin;
}

function remember(runtime: Runtime, network: Network, attachment: Attachment, result: Json | undefined): void {
  // Libcni cannot name a file without all three.
  if (network.name === '') return;
  const { name, bytes } = network;
  writeCache(runtime.cacheFolder, { ...attachment, network: name, config: bytes, ...(result && { result }) });
}

/** Asks every plugin in turn whether the attachment is as its ADD has left it. */
export async function checkNetwork(runtime: Runtime, network: Network, attachment: Attachment): Promise<void> {
  if (!isAtLeast(network.cniVersion, '0.4.0')) {
    const text = `configuration version "${network.cniVersion}" does not support the CHECK command`;
    throw new CniError(ErrorCode.incompatibleVersion, text);
  }
  if (network.disableCheck) return;
  const prevResult = keptResult(runtime, network, attachment);
  for (const plugin of network.plugins) {
    await call(runtime, 'CHECK', network, plugin, { attachment, prevResult }).catch((error) => {
      throw told(plugin, 'check', error);
    });
  }
}

/** Detaches a container: the plugins in reverse, each with the result of the whole ADD; stops at the first that fails. */
export async function delNetwork(runtime: Runtime, network: Network, attachment: Attachment): Promise<void> {
  const prevResult = isAtLeast(network.cniVersion, '0.4.0') ? keptResult(runtime, network, attachment) : undefined;
  for (const plugin of [...network.plugins].reverse()) {
    await call(runtime, 'DEL', network, plugin, { attachment, prevResult }).catch((error) => {
      throw told(plugin, 'delete', error);
    });
  }
  if (network.name !== '') removeCache(runtime.cacheFolder, { network: network.name, ...attachment });
}

/**
 * Ends every attachment that is on record here and not in the list, then has the plugins collect what is left. Without a
 * list no attachment is valid to us, and the plugins are told of none, as by libcni. One failure does not stop the rest.
 */
export async function gcNetwork(runtime: Runtime, network: Network, valid?: readonly Valid[]): Promise<void> {
  if (network.disableGC) return;
  const failures: Error[] = [];
  const attempt = (work: Promise<unknown>) => work.catch((error: Error) => failures.push(error));
  const stale = listCache(runtime.cacheFolder).filter(
    ({ network: of, containerId, ifname }) =>
      of === network.name && !valid?.some((one) => one.containerId === containerId && one.ifname === ifname),
  );
  for (const attachment of stale) await attempt(delNetwork(runtime, network, attachment));
  if (isAtLeast(network.cniVersion, '1.1.0')) {
    const list = valid?.map(({ containerId, ifname }) => ({ containerID: containerId, ifname }));
    const lists = list && { 'cni.dev/valid-attachments': list, 'cni.dev/attachments': list };
    for (const plugin of network.plugins) {
      await attempt(
        call(runtime, 'GC', network, plugin, { ...(lists && { lists }) }).catch((error) => {
          throw told(plugin, 'gc', error);
        }),
      );
    }
  }
  const [first] = failures;
  if (first) throw failures.length === 1 ? first : together(failures);
}

/** The code is the first one's. */
function together(failures: readonly Error[]): CniError {
  const text = failures.map(({ message }) => message).join('; ');
  return new CniError(errorObject(failures[0]).code, text, '', { cause: new AggregateError(failures) });
}

export type Valid = Pick<Attachment, 'containerId' | 'ifname'>;

/** Asks every plugin in turn whether an ADD could succeed; before 1.1.0 nobody can be asked. */
export async function statusNetwork(runtime: Runtime, network: Network): Promise<void> {
  if (!isAtLeast(network.cniVersion, '1.1.0')) return;
  for (const plugin of network.plugins) {
    await call(runtime, 'STATUS', network, plugin, {}).catch((error) => {
      throw told(plugin, 'status', error);
    });
  }
}

/** The kept result in the network's version, which may have changed since; undefined for none that can be used. */
function keptResult(runtime: Runtime, network: Network, attachment: Attachment): Json | undefined {
  const kept = readCache(runtime.cacheFolder, { network: network.name, ...attachment })?.result;
  if (kept === undefined) return undefined;
  try {
    return toVersion(parseResult(kept, network.cniVersion, 'cached result'), network.cniVersion);
  } catch (error) {
    runtime.warn(`the cached result of network "${network.name}" is not used: ${(error as Error).message}`);
    return undefined;
  }
}

/** What a call has beside the network's own. */
interface Extras {
  attachment?: Attachment;
  prevResult?: Json | undefined;
  lists?: Json;
}

function call(
  runtime: Runtime,
  command: Command,
  network: Network,
  plugin: PluginConfig,
  extras: Extras,
): Promise<Json | undefined> {
  const { attachment } = extras;
  const config = configFor(network, plugin, extras);
  return runtime.invoke({ type: plugin.type, command, config, ...(attachment && { attachment }) });
}

/** All of a plugin's standard input: its configuration, and what the runtime inserts there (specification, "Derivation"). */
export function configFor(network: Network, plugin: PluginConfig, { attachment, prevResult, lists }: Extras): Json {
  const runtimeConfig = attachment && capabilities(plugin, attachment.capabilityArgs);
  return inject(plugin.config, {
    ...(network.name !== '' && { name: network.name }),
    ...(network.cniVersion !== '' && { cniVersion: network.cniVersion }),
    ...(runtimeConfig && Object.keys(runtimeConfig).length > 0 && { runtimeConfig }),
    ...(prevResult && { prevResult }),
    ...lists,
  });
}

/** What the plugin says it can do, of what the caller supplies. */
function capabilities({ config }: PluginConfig, supplied: Attachment['capabilityArgs']): Json {
  const declared = lookup(config, 'capabilities') ?? {};
  if (typeof declared !== 'object') return {};
  const wanted = Object.entries(declared).filter(([name, on]) => on === true && Object.hasOwn(supplied, name));
  return Object.fromEntries(wanted.map(([name]) => [name, supplied[name]]));
}

/** What is inserted comes last: of keys that differ in case alone the last one counts. */
function inject(config: Json, inserted: Json): Json {
  const kept = Object.entries(config).filter(([key]) => !Object.hasOwn(inserted, key));
  return Object.fromEntries([...kept, ...Object.entries(inserted)]);
}

/** In libcni's words, with the plugin's own code and details. */
export function told({ type }: PluginConfig, doing: string, error: unknown): CniError {
  const { code, msg, details } = errorObject(error);
  return new CniError(code, `plugin type="${type}" failed (${doing}): ${msg}`, details, { cause: error });
}
