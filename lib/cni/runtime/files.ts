import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { decodeConfig, maxSize } from '../decode';
import { CniError } from '../errors';
import { readRegularBytes } from '../regular-file';
import { encodingFault, placeOf, syntaxFault } from './locate';
import { ConfigError, type Network, type PluginConfig, parseList, parsePlugin, parseSingle } from './network';

/** A network, and the file that it is from. */
export interface NetworkFile extends Network {
  file: string;
}

/** Why a file cannot be used, or is not. */
export interface FileFault {
  file: string;
  line?: number;
  column?: number;
  reason: string;
}

/** "/etc/cni/net.d/10-a.conflist:3:5: missing "type"" */
export function faultText({ file, line, column, reason }: FileFault): string {
  return [[file, line, column].filter((part) => part !== undefined).join(':'), reason].join(': ');
}

const endings = ['.conflist', '.conf', '.json'] as const;

/**
 * Every network of a folder in the order of the files' names, and why the others are none. Of several networks of one
 * name the first counts that libcni would take: lists before plugins alone. Throws when the folder cannot be read.
 */
export function loadNetworks(folder: string): { networks: NetworkFile[]; faults: FileFault[] } {
  const files = configFiles(folder, endings).map((file) => loadFile(file));
  const faults = files.filter((file) => 'reason' in file);
  const networks = files.filter((file): file is NetworkFile => !('reason' in file));
  const shadowed = networks.flatMap((network) => {
    const chosen = libcniOrder(networks).find(({ name }) => name === network.name);
    const reason = `network "${network.name}" is in ${chosen?.file} too, which is used`;
    return network.name === '' || chosen === network ? [] : [{ file: network.file, reason }];
  });
  const unused = new Set(shadowed.map(({ file }) => file));
  return { networks: networks.filter(({ file }) => !unused.has(file)), faults: [...faults, ...shadowed] };
}

function libcniOrder(networks: readonly NetworkFile[]): NetworkFile[] {
  const [lists, others] = [true, false].map((wanted) =>
    networks.filter(({ file }) => file.endsWith(endings[0]) === wanted),
  );
  return [...(lists ?? []), ...(others ?? [])];
}

/** A network from one file; what is wrong with it otherwise. Never throws for what the file is or holds. */
export function loadFile(file: string): NetworkFile | FileFault {
  return withFaults(file, (json, bytes) => {
    if (!isList(file, json)) return { ...parseSingle(json), file };
    const { hasFolder, ...network } = parseList(json, bytes);
    const plugins = hasFolder ? [...network.plugins, ...folderPlugins(file, network.name)] : network.plugins;
    if (plugins.length === 0) throw new ConfigError('no plugins: neither here nor in the folder of its name');
    return { ...network, plugins, file };
  });
}

/** By the file's ending; a file of any other name, which no runtime would take, by what it holds. */
function isList(file: string, json: Record<string, unknown>): boolean {
  const ending = endings.find((one) => file.endsWith(one));
  if (ending !== undefined && ending !== '.conflist' && 'plugins' in json && !('type' in json)) {
    throw new ConfigError('a list of plugins must be in a file that ends in .conflist', ['plugins']);
  }
  return ending === undefined ? 'plugins' in json : ending === '.conflist';
}

/** The plugins in `<folder>/<network>/*.conf`, after those of the list itself. */
function folderPlugins(listFile: string, name: string): PluginConfig[] {
  const folder = join(listFile, '..', name);
  return configFiles(folder, ['.conf']).map((file) => {
    const plugin = withFaults(file, (json) => ({ ...parsePlugin(json, []), file }));
    if ('reason' in plugin) throw new Fault(plugin);
    return plugin;
  });
}

/** A fault of a file that another one includes. */
class Fault extends Error {
  constructor(readonly fault: FileFault) {
    super(faultText(fault));
  }
}

function withFaults<T>(file: string, work: (json: Record<string, unknown>, bytes: Buffer) => T): T | FileFault {
  let bytes: Buffer | undefined;
  try {
    bytes = readRegularBytes(file, maxSize);
    return work(decodeConfig(bytes), bytes);
  } catch (error) {
    return error instanceof Fault ? error.fault : { file, ...faultIn(bytes, error) };
  }
}

/** Where in a file the fault is, if it could be read; what kept it from that otherwise. */
function faultIn(bytes: Buffer | undefined, error: unknown): Omit<FileFault, 'file'> {
  const { message } = error as Error;
  if (bytes === undefined) return { reason: message };
  const text = bytes.toString('utf8');
  if (error instanceof ConfigError) return { ...placeOf(text, error.path), reason: error.reason };
  if (!(error instanceof CniError)) return { reason: message };
  const reason = message.replace(/^error unmarshall network config: /, '');
  return encodingFault(bytes) ?? syntaxFault(text) ?? { ...placeOf(text, []), reason };
}

/** The files with one of these endings, in the order of their names; none where there is no such folder. */
function configFiles(folder: string, wanted: readonly string[]): string[] {
  return entries(folder)
    .filter((entry) => !entry.isDirectory() && wanted.some((ending) => entry.name.endsWith(ending)))
    .map(({ name }) => join(folder, name))
    .sort(byBytes);
}

/** As Go sorts strings, and not by UTF-16 units. */
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

function entries(folder: string): import('node:fs').Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
