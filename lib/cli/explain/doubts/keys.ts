import { unknownKeys } from '../../../cni/config';
import { CniError } from '../../../cni/errors';
import type { UnknownKey } from '../../../cni/fold';
import type { Plugin } from '../../../plugin/define';
import { ipamType } from '../../../plugin/ipam';
import type { Doubt } from './doubt';
import { nearest } from './near';
import { type Path, valueAt } from './paths';

type Json = Record<string, unknown>;

/** What a runtime takes out of a plugin's configuration, or puts there. */
const runtimeKeys = ['capabilities', 'cniVersion', 'name', 'type', 'runtimeConfig', 'prevResult', 'args'];

/** The keys of a configuration list. They are taken as they are spelled. */
const listKeys = [
  'cniVersion',
  'cniVersions',
  'name',
  'plugins',
  'disableCheck',
  'disableGC',
  'loadOnlyInlinedPlugins',
];

/** Keys that a plugin takes and does nothing with, and why. */
const ignored: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  bridge: { ipMasqBackend: 'is ignored: masquerading is always by native nftables' },
  portmap: {
    backend: 'is ignored: ports are mapped by native nftables',
    markMasqBit: 'is ignored: no packet is marked',
  },
  loopback: {
    ipam: 'is ignored: the kernel gives lo its addresses',
    dns: 'is ignored: it comes with an interface that has addresses',
  },
};

/** What the capabilities of our plugins are. An IPAM plugin gets what the plugin that asks it has declared. */
const capabilities: Readonly<Record<string, readonly string[]>> = {
  bridge: ['mac'],
  portmap: ['portMappings'],
  'host-local': ['ips', 'ipRanges'],
  static: ['ips'],
};

/** Keys of one of our plugins' configurations that nobody reads. */
export function keyDoubts(plugins: ReadonlyMap<string, Plugin>, plugin: Plugin, config: Json): Doubt[] {
  const ipam = plugins.get(ipamType(config));
  const ofIpam = ipam && plugin.kind !== 'ipam' && plugin.ipam !== undefined ? unknownTo(ipam, config) : [];
  const unknown = [...unknownTo(plugin, config), ...ofIpam.filter(({ path }) => path[0] === 'ipam')];
  return [
    ...unknown.filter(({ path }) => !isRuntimes(path)).map(({ path, known }) => doubtOf(path, known)),
    ...keysOf(valueAt(config, ['trestle']))
      .filter((key) => key.toLowerCase() !== 'trace')
      .map((key) => doubtOf(['trestle', key], ['trace'])),
    ...ignoredDoubts(plugin.type, config),
    ...capabilityDoubts(plugin.type, ipamType(config), config),
  ];
}

/** Of a configuration that an ADD refuses nothing more has to be said. */
function unknownTo(plugin: Plugin, config: Json): UnknownKey[] {
  try {
    return unknownKeys(plugin.config, config);
  } catch (error) {
    if (error instanceof CniError) return [];
    throw error;
  }
}

/** Keys of the list itself that no runtime reads. */
export function listKeyDoubts(list: Json): Doubt[] {
  return Object.keys(list)
    .filter((key) => !listKeys.includes(key))
    .map((key) => doubtOf([key], listKeys));
}

function isRuntimes(path: Path): boolean {
  return path.length === 1 && runtimeKeys.some((key) => key.toLowerCase() === String(path[0]).toLowerCase());
}

/** What it was probably meant to be is found out when it is asked for: there may be very many. */
function doubtOf(path: Path, known: readonly string[]): Doubt {
  return {
    path,
    get text() {
      const near = nearest(String(path.at(-1)), known);
      return near === undefined ? 'unknown key, which is ignored' : `unknown key: did you mean "${near}"?`;
    },
  };
}

function keysOf(value: unknown): string[] {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? Object.keys(value) : [];
}

function ignoredDoubts(type: string, config: Json): Doubt[] {
  return Object.entries(ignored[type] ?? {})
    .filter(([key]) => (valueAt(config, [key]) ?? null) !== null)
    .map(([key, text]) => ({ path: [key], text }));
}

function capabilityDoubts(type: string, ipam: string, config: Json): Doubt[] {
  const declared = valueAt(config, ['capabilities']);
  // A plugin of somebody else's that is asked for addresses may have any.
  if (declared === null || typeof declared !== 'object' || (ipam !== '' && !Object.hasOwn(capabilities, ipam)))
    return [];
  const known = [...(capabilities[type] ?? []), ...(capabilities[ipam] ?? [])];
  return Object.entries(declared)
    .filter(([name, on]) => on === true && !known.includes(name))
    .map(([name]) => ({
      path: ['capabilities', name],
      text: `${[type, ipam].filter(Boolean).join(' with ')} has no such capability`,
    }));
}
