import { isIPv6 } from './addresses';
import { CniError, ErrorCode } from './errors';
import type { Dns, Interface, IpConfig, Result, Route } from './result';
import { isAtLeast } from './versions';

export { parseResult } from './parse-result';

type Json = Record<string, unknown>;

/**
 * A result in the shape of a version of the specification, its keys in the order in which the reference prints them.
 * Throws what {@link assertExpressible} throws.
 */
export function toVersion(result: Result, cniVersion: string): Json {
  assertExpressible(result, cniVersion);
  if (!isAtLeast(cniVersion, '0.3.0')) return inFamilies(result, cniVersion);
  return isAtLeast(cniVersion, '1.0.0') ? sorted(inLists(result, cniVersion)) : inLists(result, cniVersion);
}

/** What ADD prints: indented by four, without a newline at the end, as the reference does. */
export function printResult(result: Result, cniVersion: string): string {
  return JSON.stringify(toVersion(result, cniVersion), null, 4);
}

/**
 * Whether a version can tell these addresses, asked before any work is done: 0.1.0 and 0.2.0 need one at least, and have
 * room for one of each family. Code 7 in the words in which the reference fails after the work.
 */
export function assertExpressible({ ips = [] }: Pick<Result, 'ips'>, cniVersion: string): void {
  if (isAtLeast(cniVersion, '0.3.0')) return;
  const ipv6 = ips.filter(({ address }) => isIPv6(address)).length;
  if (ips.length === 0) throw new CniError(ErrorCode.invalidConfig, 'cannot convert: no valid IP addresses');
  if (ipv6 > 1 || ips.length - ipv6 > 1) {
    const msg = `CNI version ${cniVersion} does not support more than 1 address per family`;
    throw new CniError(ErrorCode.invalidConfig, msg);
  }
}

/** 0.1.0 and 0.2.0. Routes stand with the address of their family; interfaces, and routes of a family without address, are lost. */
function inFamilies({ ips = [], routes = [], dns }: Result, cniVersion: string): Json {
  const family = (wanted: boolean): Json | undefined => {
    const ip = ips.find(({ address }) => isIPv6(address) === wanted);
    if (ip === undefined) return undefined;
    const own = routes.filter(({ dst }) => isIPv6(dst) === wanted).map(({ dst, gw }) => present({ dst, gw }));
    return present({ ip: ip.address, gateway: ip.gateway, routes: own });
  };
  return { ...present({ cniVersion, ip4: family(false), ip6: family(true) }), dns: dnsIn(dns) };
}

/** 0.3.0 and later. Up to 0.4.0 `dns` is there even when it is empty. */
function inLists({ interfaces = [], ips = [], routes = [], dns }: Result, cniVersion: string): Json {
  const lists = present({
    cniVersion,
    interfaces: interfaces.map((link) => interfaceIn(link, cniVersion)),
    ips: ips.map((ip) => ipIn(ip, cniVersion)),
    routes: routes.map(routeOf),
  });
  const names = dnsIn(dns);
  return isAtLeast(cniVersion, '1.0.0') && Object.keys(names).length === 0 ? lists : { ...lists, dns: names };
}

function interfaceIn({ name, mac, mtu, sandbox, socketPath, pciID }: Interface, cniVersion: string): Json {
  const common = { name, ...present({ mac, sandbox }) };
  return isAtLeast(cniVersion, '1.1.0')
    ? { ...common, ...present({ mtu: mtu || undefined, socketPath, pciID }) }
    : common;
}

function ipIn({ address, gateway, interface: index }: IpConfig, cniVersion: string): Json {
  const version = isAtLeast(cniVersion, '1.0.0') ? undefined : isIPv6(address) ? '6' : '4';
  return present({ version, interface: index, address, gateway });
}

/**
 * With what 1.1.0 added to a route: it is done for every version, and CHECK and the plugins after this one know of it
 * only from here. The reference prints it from 0.3.0 on, too.
 */
function routeOf({ dst, gw, mtu, advmss, priority, table, scope }: Route): Json {
  const numbers = { mtu: mtu || undefined, advmss: advmss || undefined, priority: priority || undefined };
  // 0 means something in a table or scope, and in the others that nothing was said.
  return present({ dst, gw, ...numbers, table, scope });
}

function dnsIn({ nameservers, domain, search, options }: Dns = {}): Json {
  return present({ nameservers, domain, search, options });
}

/** Without what Go's `omitempty` leaves out: what is absent, "" and empty lists. */
function present(object: Json): Json {
  const left: Json = {};
  for (const key in object) {
    const value = object[key];
    if (value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0)) left[key] = value;
  }
  return left;
}

/** Keys in alphabetical order at every level: the reference prints results from 1.0.0 on by way of a Go map. */
function sorted<T>(value: T): T {
  if (Array.isArray(value)) return value.map(sorted) as T;
  if (value === null || typeof value !== 'object') return value;
  const inOrder: Json = {};
  for (const key of Object.keys(value).sort()) inOrder[key] = sorted((value as Json)[key]);
  return inOrder as T;
}
