import * as v from 'valibot';
import { formatAddress, parseAddress } from './addresses';
import { check } from './config';
import { CniError, ErrorCode } from './errors';
import { found } from './quote';
import type { Dns, IpConfig, Result, Route } from './result';
import { cidr, dnsEntries, int, list, routeNumbers } from './schemas';
import { assertSupported, isAtLeast } from './versions';

const optional = v.exactOptional;

/** Go's `net.IP` reads "" as no address. */
const gateway = v.pipe(
  v.string('expected an IP address'),
  v.check((text) => text === '' || parseAddress(text) !== undefined, 'expected an IP address'),
  v.transform((text) => {
    const address = parseAddress(text);
    return address && formatAddress(address);
  }),
);

const route = v.object({ dst: cidr, gw: optional(gateway), ...routeNumbers });

const dns = v.object(dnsEntries);

/** 0.3.0 and later. `version` in `ips` says nothing that the address does not. */
const lists = v.object({
  interfaces: optional(
    list(
      v.object({
        name: v.optional(v.string(), ''),
        mac: optional(v.string()),
        mtu: optional(int()),
        sandbox: optional(v.string()),
        socketPath: optional(v.string()),
        pciID: optional(v.string()),
      }),
    ),
  ),
  ips: optional(list(v.object({ address: cidr, gateway: optional(gateway), interface: optional(int()) }))),
  routes: optional(list(route)),
  dns: optional(dns),
});

const family = v.object({ ip: cidr, gateway: optional(gateway), routes: optional(list(route)) });

/** 0.1.0 and 0.2.0. */
const families = v.object({ ip4: optional(family), ip6: optional(family), dns: optional(dns) });

const versioned = v.object({ cniVersion: optional(v.string()) });

/**
 * A result of any version of the specification in the newest shape, addresses in canonical text.
 * @param fallbackVersion the version of one that names none: its configuration's, as libcni has it
 * @param subject what messages call it
 * @throws {@link CniError} 6 that names the field, or 1 for a version that is not supported
 */
export function parseResult(json: unknown, fallbackVersion: string, subject = 'result'): Result {
  const invalid = `invalid ${subject}`;
  if (json === null || typeof json !== 'object' || Array.isArray(json)) {
    throw new CniError(ErrorCode.decode, `${invalid}: expected an object, found ${found(json)}`);
  }
  const cniVersion = check(versioned, json, ErrorCode.decode, invalid).cniVersion || fallbackVersion;
  assertSupported(cniVersion, undefined, subject);
  if (!isAtLeast(cniVersion, '0.3.0')) return fromFamilies(check(families, json, ErrorCode.decode, invalid));
  return fromLists(check(lists, json, ErrorCode.decode, invalid), invalid);
}

type Parsed<S extends v.GenericSchema> = v.InferOutput<S>;

function fromFamilies({ ip4, ip6, dns }: Parsed<typeof families>): Result {
  const configs = [ip4, ip6].filter((config) => config !== undefined);
  return trimmed(
    [],
    configs.map(({ ip, gateway }) => withGateway({ address: ip }, gateway)),
    configs.flatMap(({ routes = [] }) => routes.map(toRoute)),
    dns,
  );
}

function fromLists({ interfaces = [], ips = [], routes = [], dns }: Parsed<typeof lists>, invalid: string): Result {
  return trimmed(
    interfaces,
    ips.map(({ gateway, interface: index, ...ip }, i) => {
      const config = withGateway(ip, gateway);
      return pointsAt(index, interfaces.length, `${invalid}: "ips[${i}].interface"`)
        ? { ...config, interface: index }
        : config;
    }),
    routes.map(toRoute),
    dns,
  );
}

/** Whether there is an index. Without interfaces it has no meaning, and some IPAM plugins give one (0 or -1) all the same. */
function pointsAt(index: number | undefined, count: number, where: string): index is number {
  if (index === undefined || count === 0) return false;
  if (index >= 0 && index < count) return true;
  throw new CniError(ErrorCode.decode, `${where}: expected an index into the ${count} interfaces, found ${index}`);
}

function withGateway(config: IpConfig, gateway: string | undefined): IpConfig {
  return gateway === undefined ? config : { ...config, gateway };
}

function toRoute({ gw, ...others }: Parsed<typeof route>): Route {
  return gw === undefined ? others : { ...others, gw };
}

/** Empty lists are left out, as everywhere in a result. */
function trimmed(
  interfaces: NonNullable<Result['interfaces']>,
  ips: readonly IpConfig[],
  routes: readonly Route[],
  dns: Dns | undefined,
): Result {
  return {
    ...(interfaces.length > 0 && { interfaces }),
    ...(ips.length > 0 && { ips: [...ips] }),
    ...(routes.length > 0 && { routes: [...routes] }),
    ...(dns && Object.keys(dns).length > 0 && { dns }),
  };
}
