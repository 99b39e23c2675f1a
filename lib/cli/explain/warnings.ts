import { dirname } from 'node:path';
import { parseConfig } from '../../cni/config';
import { maxSize } from '../../cni/decode';
import { hasPlugin } from '../../cni/delegate';
import { shortened } from '../../cni/errors';
import { pathText } from '../../cni/fold';
import { readRegularBytes } from '../../cni/regular-file';
import { loadNetworks, type NetworkFile } from '../../cni/runtime/files';
import { placesIn } from '../../cni/runtime/locate';
import type { PluginConfig } from '../../cni/runtime/network';
import { hasIpam, ipamType } from '../../plugin/ipam';
import { bridgeSchema } from '../../plugins/bridge/config';
import { isOurs, type Plugins } from '../invoke';
import { bridgeDoubts } from './doubts/bridge';
import type { Doubt } from './doubts/doubt';
import type { HostFacts } from './doubts/host';
import { keyDoubts, listKeyDoubts } from './doubts/keys';
import { gatewayDoubts, type Neighbour, neighbourDoubts } from './doubts/overlap';
import { type Path, spelled } from './doubts/paths';
import { subnetsOf } from './doubts/subnets';
import type { Warning } from './story';

/** What the network's file has that is allowed and probably not meant, and where. */
export function warningsFor(plugins: Plugins, network: NetworkFile, host: HostFacts): Warning[] {
  const neighbours = neighboursOf(network);
  const file = openFile(network.file);
  const isList = 'plugins' in file.json;
  return [
    ...file.warnings([], [...(isList ? listKeyDoubts(file.json) : []), ...versionDoubts(network)]),
    ...network.plugins.flatMap((plugin, i) => {
      const [source, base] = plugin.file ? [openFile(plugin.file), []] : [file, isList ? ['plugins', i] : []];
      return source.warnings(base, pluginDoubts(plugins, plugin, host, neighbours));
    }),
  ];
}

/** Of one plugin, or of the list around them. */
const mostWarnings = 24;

interface Source {
  json: Record<string, unknown>;
  /** Doubts about what stands under `base`, with their places. Of very many the first ones. */
  warnings(base: Path, doubts: readonly Doubt[]): Warning[];
}

/** One that is known to be readable. */
function openFile(file: string): Source {
  const text = readRegularBytes(file, maxSize).toString('utf8');
  const json = JSON.parse(text) as Record<string, unknown>;
  const placeIn = placesIn(text);
  const warning = (base: Path, doubt: Doubt): Warning => {
    const path = spelled(json, [...base, ...doubt.path]);
    const shown = path.length > 0 ? { path: shortened(pathText(path)) } : {};
    return { file, ...placeIn(path), ...shown, text: shortened(doubt.text) };
  };
  return {
    json,
    warnings(base, doubts) {
      const more = doubts.length - mostWarnings;
      return [
        ...doubts.slice(0, mostWarnings).map((doubt) => warning(base, doubt)),
        ...(more > 0 ? [warning(base, { path: [], text: `and ${more} more` })] : []),
      ];
    },
  };
}

function versionDoubts({ cniVersion }: NetworkFile): Doubt[] {
  if (cniVersion !== '') return [];
  return [{ path: [], text: 'no "cniVersion": 0.1.0 is assumed, which has no CHECK, no GC and no STATUS' }];
}

function pluginDoubts(
  plugins: Plugins,
  { type, config }: PluginConfig,
  host: HostFacts,
  neighbours: readonly Neighbour[],
): Doubt[] {
  const plugin = plugins.platform.plugins.get(type);
  if (plugin === undefined || !isOurs(plugins, type))
    return absent(plugins, type, ['type'], hasPlugin(type, plugins.path));
  const ipam = plugin.kind === 'ipam' || plugin.ipam === undefined ? '' : ipamType(config);
  return [
    ...keyDoubts(plugins.platform.plugins, plugin, config),
    ...(ipam === '' ? [] : absent(plugins, ipam, ['ipam', 'type'], hasIpam(plugins.platform, ipam, plugins.path))),
    ...gatewayDoubts(subnetsOf(config)),
    ...neighbourDoubts(subnetsOf(config), neighbours),
    ...(type === 'bridge' ? bridgeDoubtsOf(config, host) : []),
  ];
}

function absent({ path: folders }: Plugins, type: string, path: Path, isThere: boolean): Doubt[] {
  return isThere ? [] : [{ path, text: `there is no plugin "${type}" in CNI_PATH (${folders.join(':')})` }];
}

/** Of one that an ADD refuses nothing more has to be said. */
function bridgeDoubtsOf(raw: Record<string, unknown>, host: HostFacts): Doubt[] {
  try {
    return bridgeDoubts(parseConfig(bridgeSchema, raw), raw, host);
  } catch {
    return [];
  }
}

/** The other networks of the folder, as far as they can be read. */
function neighboursOf({ file, name }: NetworkFile): Neighbour[] {
  try {
    return loadNetworks(dirname(file))
      .networks.filter((other) => other.file !== file && other.name !== name)
      .map((other) => ({
        name: other.name,
        file: other.file,
        subnets: other.plugins.flatMap(({ config }) => subnetsOf(config)),
      }));
  } catch {
    return [];
  }
}
