import { lookup, lookupString } from '../decode';
import { identifier } from '../environment';
import { found } from '../quote';
import { isSupported, supportedVersions } from '../versions';

/** A network as a configuration file has it: the plugins that an attachment to it goes through. */
export interface Network {
  /** "" only for a plugin alone, in a file of its own, which may do without (loopback). */
  name: string;
  /** The highest version that the configuration offers and we have; as it is written if we have none of them. */
  cniVersion: string;
  disableCheck: boolean;
  disableGC: boolean;
  /** In the order of ADD; each is a plugin's configuration as it stands there. */
  plugins: readonly PluginConfig[];
  /** The configuration list as JSON: what libcni keeps in its cache. A plugin alone is made a list of one. */
  bytes: Buffer;
}

/** A plugin's configuration, of which the type is known. */
export interface PluginConfig {
  type: string;
  config: Record<string, unknown>;
  /** Where it stands, if not in the network's own file. */
  file?: string;
}

/** What is wrong with a configuration, and with which part of it: `path` leads there from the document's root. */
export class ConfigError extends Error {
  constructor(
    readonly reason: string,
    readonly path: readonly (string | number)[] = [],
  ) {
    super(reason);
  }
}

type Json = Record<string, unknown>;

/** A list that has its plugins' configurations, or some of them, in files of their own. */
export interface ParsedList extends Network {
  /** Whether there may be more plugins in the folder of the network's name. */
  hasFolder: boolean;
}

/**
 * A configuration list (`.conflist`; specification, "Configuration format"). Its own keys are taken as they are spelled,
 * those of its plugins in any case, as libcni does. Throws {@link ConfigError}.
 */
export function parseList(json: Json, bytes: Buffer): ParsedList {
  const name = text(json, 'name', 'missing network name');
  if (!identifier.test(name))
    throw new ConfigError(`invalid characters in network name ${JSON.stringify(name)}`, ['name']);
  const onlyInlined = bool(json, 'loadOnlyInlinedPlugins');
  return {
    name,
    cniVersion: versionOf(json),
    disableCheck: bool(json, 'disableCheck'),
    disableGC: bool(json, 'disableGC'),
    plugins: inlined(json, onlyInlined),
    hasFolder: !onlyInlined,
    bytes,
  };
}

/** One plugin in a file of its own (`.conf`, `.json`, as before there were lists). Throws {@link ConfigError}. */
export function parseSingle(config: Json): Network {
  const plugin = parsePlugin(config, []);
  const [name, cniVersion] = [lookupString(config, 'name'), lookupString(config, 'cniVersion')];
  if (name !== '' && !identifier.test(name)) {
    throw new ConfigError(`invalid characters in network name ${JSON.stringify(name)}`, ['name']);
  }
  const bytes = Buffer.from(JSON.stringify({ cniVersion, name, plugins: [config] }));
  return { name, cniVersion, disableCheck: false, disableGC: false, plugins: [plugin], bytes };
}

/** Throws {@link ConfigError}; `path` is where the configuration stands. */
export function parsePlugin(config: unknown, path: readonly (string | number)[]): PluginConfig {
  if (config === null || typeof config !== 'object' || Array.isArray(config)) {
    throw new ConfigError(`expected a plugin's configuration, found ${found(config)}`, path);
  }
  const type = lookup(config as Json, 'type');
  if (typeof type === 'string' && type !== '') return { type, config: config as Json };
  const reason =
    type === undefined || type === '' ? 'missing "type"' : `"type": expected a string, found ${found(type)}`;
  throw new ConfigError(reason, type === undefined ? path : [...path, 'type']);
}

function inlined(json: Json, onlyInlined: boolean): PluginConfig[] {
  const { plugins } = json;
  if (plugins === undefined && !onlyInlined) return [];
  if (plugins === undefined) throw new ConfigError('"loadOnlyInlinedPlugins" is true, and there are no "plugins"');
  if (!Array.isArray(plugins))
    throw new ConfigError(`"plugins": expected a list, found ${found(plugins)}`, ['plugins']);
  if (plugins.length === 0) throw new ConfigError('no plugins in list', ['plugins']);
  return plugins.map((plugin, i) => parsePlugin(plugin, ['plugins', i]));
}

/** The highest of `cniVersion` and `cniVersions` that we have (specification 1.1.0, "Version considerations"). */
function versionOf(json: Json): string {
  const own = json.cniVersion === undefined ? '' : text(json, 'cniVersion');
  const { cniVersions = [] } = json;
  if (!Array.isArray(cniVersions)) {
    throw new ConfigError(`"cniVersions": expected a list, found ${found(cniVersions)}`, ['cniVersions']);
  }
  const offered = [own, ...cniVersions.map((version, i) => writtenVersion(version, ['cniVersions', i]))];
  return supportedVersions.findLast((version) => offered.includes(version)) ?? own;
}

function writtenVersion(version: unknown, path: readonly (string | number)[]): string {
  if (typeof version === 'string' && (isSupported(version) || /^\d+(\.\d+){0,2}$/.test(version))) return version;
  throw new ConfigError(`expected a version such as "1.0.0", found ${found(version)}`, path);
}

function text(json: Json, key: string, missing?: string): string {
  const value = json[key];
  if ((value === undefined || value === '') && missing) throw new ConfigError(missing);
  if (typeof value === 'string') return value;
  throw new ConfigError(`"${key}": expected a string, found ${found(value)}`, [key]);
}

/** True and false, also as strings: early conflists have "disableCheck": "true". */
function bool(json: Json, key: string): boolean {
  const value = json[key];
  switch (typeof value === 'string' ? value.toLowerCase() : value) {
    case undefined:
    case false:
    case 'false':
      return false;
    case true:
    case 'true':
      return true;
    default:
      throw new ConfigError(`"${key}": expected true or false, found ${found(value)}`, [key]);
  }
}
