import * as v from 'valibot';
import {
  type Address,
  type Cidr,
  contains,
  formatAddress,
  formatCidr,
  parseAddress,
  parseCidr,
} from '../../cni/addresses';
import { type CniArgs, knownArgs } from '../../cni/args';
import { dnsEntries, list } from '../../cni/config';
import { CniError, ErrorCode } from '../../cni/errors';
import type { Request } from '../../cni/request';
import type { IpConfig } from '../../cni/result';
import { addressOrNone, route } from '../route';

/** What is asked for at run time; read only where it counts, as a stronger source may replace it. */
const requested = v.exactOptional(list(v.string()));

/** What static reads of the network's configuration. All but `ipam` is other plugins' too. */
export const staticConfig = v.looseObject({
  ipam: v.exactOptional(
    v.object({
      type: v.exactOptional(v.string()),
      addresses: v.exactOptional(
        list(v.object({ address: v.exactOptional(v.string()), gateway: v.exactOptional(addressOrNone) })),
      ),
      routes: v.exactOptional(list(route)),
      dns: v.exactOptional(v.object(dnsEntries)),
    }),
  ),
  runtimeConfig: v.exactOptional(v.looseObject({ ips: requested })),
  args: v.exactOptional(v.looseObject({ cni: v.exactOptional(v.looseObject({ ips: requested })) })),
});

export type StaticConfig = v.InferOutput<typeof staticConfig>;

interface Given {
  address: Cidr;
  /** In canonical text. */
  gateway?: string | undefined;
}

/**
 * The addresses that count: runtimeConfig's; without any, those of args; without any, the network's own and then those of
 * CNI_ARGS. Code 7, or 4 for CNI_ARGS; what is wrong with the network's own is told only where they count, as in the reference.
 */
export function addressesOf(config: StaticConfig, { args }: Pick<Request, 'args'>): IpConfig[] {
  if (config.ipam === undefined) throw invalid("IPAM config missing 'ipam' key");
  const fromArgs = argAddresses(args);
  const fromCni = (config.args?.cni?.ips ?? []).map(requestedAddress);
  const fromRuntime = (config.runtimeConfig?.ips ?? []).map(requestedAddress);
  const strongest = [fromRuntime, fromCni].find((list) => list.length > 0);
  const given = strongest ?? [...ownAddresses(config.ipam), ...fromArgs];
  return distinct(given.map(toIpConfig));
}

function ownAddresses({ addresses = [] }: NonNullable<StaticConfig['ipam']>): Given[] {
  return addresses.map(({ address = '', gateway }) => ({
    address: parseCidr(address) ?? refuse(`the 'address' field is expected to be in CIDR notation, got: '${address}'`),
    gateway,
  }));
}

function requestedAddress(text: string): Given {
  return { address: parseCidr(text) ?? refuse(`an entry in the 'ips' field is NOT in CIDR notation, got: '${text}'`) };
}

/** IP and GATEWAY: comma-separated lists. A gateway is that of every address whose network it is in, the last one counts. */
function argAddresses(args: CniArgs): Given[] {
  const { IP = '', GATEWAY = '' } = knownArgs(args, ['IP', 'GATEWAY']);
  const addresses = listOf(IP).map(addressArg);
  const gateways = listOf(GATEWAY).map(gatewayArg);
  return addresses.map((address) => {
    const gateway = gateways.findLast((each) => contains(address, each));
    return { address, gateway: gateway && formatAddress(gateway) };
  });
}

function addressArg(item: string): Cidr {
  const text = item.trim();
  return parseCidr(text) ?? refuseArg(`the 'ip' field is expected to be in CIDR notation, got: '${text}'`);
}

function gatewayArg(item: string): Address {
  return parseAddress(item.trim()) ?? refuseArg(`invalid gateway address: ${item}`);
}

const listOf = (text: string): string[] => (text === '' ? [] : text.split(','));

function toIpConfig({ address, gateway }: Given): IpConfig {
  return { address: formatCidr(address), ...(gateway !== undefined && { gateway }) };
}

/** The reference passes on what is given twice, and the plugin that has asked fails over it halfway. */
function distinct(ips: IpConfig[]): IpConfig[] {
  const again = ips.find(({ address }, i) => ips.findIndex((other) => other.address === address) < i);
  if (again) throw invalid(`the address ${again.address} is given more than once`);
  return ips;
}

function refuse(text: string): never {
  throw invalid(text);
}

function refuseArg(text: string): never {
  throw new CniError(ErrorCode.invalidEnvironment, text);
}

function invalid(text: string): CniError {
  return new CniError(ErrorCode.invalidConfig, text);
}
