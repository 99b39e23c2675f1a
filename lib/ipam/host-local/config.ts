import * as v from 'valibot';
import { type Address, formatAddress, parseAddress, parseCidr } from '../../cni/addresses';
import { knownArgs } from '../../cni/args';
import { list } from '../../cni/config';
import { lookup } from '../../cni/decode';
import { CniError, ErrorCode } from '../../cni/errors';
import { onceIfFrozen } from '../../cni/frozen';
import type { Request } from '../../cni/request';
import type { Route } from '../../cni/result';
import { isAtLeast } from '../../cni/versions';
import { addressOrNone, route } from '../route';
import { completeSets, type RangeSet, type RangeSpec } from './ranges';

/** Where the reference keeps its leases. */
const defaultDataDir = '/var/lib/cni/networks';

/** A text that `parse` understands, as what it means. */
function parsedText<T>(what: string, parse: (text: string) => T | undefined) {
  const message = `expected ${what}`;
  return v.pipe(
    v.string(message),
    v.rawTransform(({ dataset, addIssue, NEVER }): T => {
      const value = parse(dataset.value);
      if (value !== undefined) return value;
      addIssue({ message });
      return NEVER;
    }),
  );
}

const optionalAddress = v.exactOptional(
  v.pipe(
    addressOrNone,
    v.transform((text) => (text === undefined ? undefined : parseAddress(text))),
  ),
);

/** An address that is asked for may carry a prefix length, which means nothing here. */
function parseRequested(text: string): Address | undefined {
  return parseAddress(text) ?? parseCidr(text)?.address;
}

const rangeEntries = { rangeStart: optionalAddress, rangeEnd: optionalAddress, gateway: optionalAddress };
const ipSubnet = parsedText('a subnet, such as 10.1.2.0/24', parseCidr);
const rangeSets = v.exactOptional(list(list(v.object({ subnet: ipSubnet, ...rangeEntries }))));
const requestedAddresses = v.exactOptional(list(parsedText('an IP address', parseRequested)));

/** What host-local reads of the network's configuration. All but `ipam` is other plugins' too. */
export const hostLocalConfig = v.looseObject({
  ipam: v.exactOptional(
    v.object({
      type: v.exactOptional(v.string()),
      subnet: v.exactOptional(ipSubnet),
      ...rangeEntries,
      ranges: rangeSets,
      routes: v.exactOptional(list(route)),
      dataDir: v.exactOptional(v.string()),
      resolvConf: v.exactOptional(v.string()),
      statusOnExhaustion: v.exactOptional(v.boolean()),
    }),
  ),
  runtimeConfig: v.exactOptional(v.looseObject({ ipRanges: rangeSets, ips: requestedAddresses })),
  args: v.exactOptional(v.looseObject({ cni: v.exactOptional(v.looseObject({ ips: requestedAddresses })) })),
});

export type HostLocalConfig = v.InferOutput<typeof hostLocalConfig>;

/** What an ADD is to do. */
export interface Settings {
  /** One address of each. */
  sets: RangeSet[];
  /** Addresses asked for, each once, in the order CNI_ARGS, args, runtimeConfig. */
  requested: Address[];
  routes: Route[];
  /** "" for none. */
  resolvConf: string;
  statusOnExhaustion: boolean;
}

/** What the configuration comes to, once more than its shape is checked. Code 7, or 4 for CNI_ARGS. */
export function settingsOf(config: HostLocalConfig, request: Pick<Request, 'args' | 'cniVersion'>): Settings {
  if (config.ipam === undefined) throw invalid("IPAM config missing 'ipam' key");
  const { routes = [], resolvConf = '', statusOnExhaustion = false } = config.ipam;
  const requested = requestedOf(request, config);
  const sets = setsOf(config);
  const families = sets.map(([range]) => range?.start.family);
  if (new Set(families).size < families.length && !isAtLeast(request.cniVersion, '0.3.0')) {
    throw invalid(`CNI version ${request.cniVersion} does not support more than 1 address per family`);
  }
  return { sets, requested, routes, resolvConf, statusOnExhaustion };
}

/** runtimeConfig's range sets, then the old single range, then `ranges`: their numbers are in the names of files. */
const setsOf = onceIfFrozen(({ ipam = {}, runtimeConfig = {} }: HostLocalConfig): RangeSet[] => {
  const { subnet, rangeStart, rangeEnd, gateway, ranges = [] } = ipam;
  const single: RangeSpec[][] = subnet ? [[{ subnet, rangeStart, rangeEnd, gateway }]] : [];
  const specs = [...(runtimeConfig.ipRanges ?? []), ...single, ...ranges];
  if (specs.length === 0) throw invalid('no IP ranges specified');
  return completeSets(specs);
});

function requestedOf({ args }: Pick<Request, 'args'>, { args: configArgs, runtimeConfig }: HostLocalConfig): Address[] {
  const { IP = '' } = knownArgs(args, ['IP']);
  const fromArgs = IP === '' ? [] : [addressArg(IP)];
  const all = [...fromArgs, ...(configArgs?.cni?.ips ?? []), ...(runtimeConfig?.ips ?? [])];
  return [...new Map(all.map((address) => [formatAddress(address), address])).values()];
}

function addressArg(text: string): Address {
  const address = parseRequested(text);
  if (address) return address;
  throw new CniError(
    ErrorCode.invalidEnvironment,
    `ARGS: error parsing value of pair "IP=${text}": invalid IP address`,
  );
}

function invalid(text: string): CniError {
  return new CniError(ErrorCode.invalidConfig, text);
}

/** The folder above the networks' lease folders, read from a configuration that may be broken elsewhere; undefined where it is no path. */
export function dataDirOf({ config }: Pick<Request, 'config'>): string | undefined {
  const ipam = lookup(config, 'ipam');
  if (ipam === undefined) return defaultDataDir;
  if (typeof ipam !== 'object' || ipam === null || Array.isArray(ipam)) return undefined;
  const dataDir = lookup(ipam as Record<string, unknown>, 'dataDir') ?? '';
  if (typeof dataDir !== 'string') return undefined;
  return dataDir === '' ? defaultDataDir : dataDir;
}
