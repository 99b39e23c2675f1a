import * as v from 'valibot';
import { isIPv6 } from '../../cni/addresses';
import { cidr, int, linkName, list, mac, netConfEntries } from '../../cni/config';
import { CniError, ErrorCode } from '../../cni/errors';
import type { Request } from '../../cni/request';
import { ipamType } from '../../plugin/ipam';

const flag = v.optional(v.boolean(), false);

/** What an Ethernet device takes (ETH_MIN_MTU, ETH_MAX_MTU); 0 leaves it to the kernel. */
const mtuRule = 'expected 0 or a whole number from 68 to 65535';
const mtu = v.pipe(
  v.number(mtuRule),
  v.check((value) => value === 0 || (Number.isInteger(value) && value >= 68 && value <= 65535), mtuRule),
);
/** IPV6_MIN_MTU: on a link with less the kernel knows no IPv6. */
const leastMtuForIPv6 = 1280;

/** The keys of `bridge`. */
const bridgeKeys = v.object({
  ...netConfEntries,
  bridge: v.optional(linkName),
  /** Another name for `bridge`. */
  bridgeName: v.optional(linkName),
  /** The pod's address, for a network without an IPAM plugin. */
  ip: v.optional(cidr),
  isGateway: flag,
  isDefaultGateway: flag,
  forceAddress: flag,
  ipMasq: flag,
  /** Accepted and not used: masquerading is always by native nftables. */
  ipMasqBackend: v.optional(v.nullable(v.string())),
  mtu: v.optional(mtu, 0),
  hairpinMode: flag,
  promiscMode: flag,
  vlan: v.optional(int({}), 0),
  vlanTrunk: v.optional(
    list(v.object({ minID: v.optional(int({})), maxID: v.optional(int({})), id: v.optional(int({})) })),
    [],
  ),
  preserveDefaultVlan: v.optional(v.boolean(), true),
  macspoofchk: flag,
  enabledad: flag,
  disableContainerInterface: flag,
  portIsolation: flag,
  runtimeConfig: v.optional(v.looseObject({ mac: v.optional(v.string()) })),
  args: v.optional(v.looseObject({ cni: v.optional(v.looseObject({ mac: v.optional(v.string()) })) })),
});

/** Its configuration, by whichever name the bridge is called. */
export const bridgeSchema = v.pipe(
  bridgeKeys,
  v.transform((keys) => ({ ...keys, bridge: keys.bridge ?? keys.bridgeName ?? 'cni0' })),
);

export type BridgeConfig = v.InferOutput<typeof bridgeSchema>;

/** A default gateway is a gateway. */
export function isGateway(config: BridgeConfig): boolean {
  return config.isGateway || config.isDefaultGateway;
}

/** IFNAMSIZ without its NUL. */
const longestName = 15;

/** Whether a link's name can be as long as this. */
export function isNameable(name: string): boolean {
  return Buffer.byteLength(name) <= longestName;
}

/** The link that bears the gateway's addresses: the bridge itself, or in a VLAN one end of a pair whose other end is a port. */
export function gatewayLink({ bridge, vlan }: Pick<BridgeConfig, 'bridge' | 'vlan'>): string {
  return vlan === 0 ? bridge : `${bridge}.${vlan}`;
}

/** Code 7 where the link could not carry the addresses that the IPAM gave. */
export function demandRoom({ mtu }: BridgeConfig, addresses: readonly string[]): void {
  if (mtu === 0 || mtu >= leastMtuForIPv6 || !addresses.some(isIPv6)) return;
  throw new CniError(ErrorCode.invalidConfig, `"mtu": IPv6 needs ${leastMtuForIPv6} at least, found ${mtu}`);
}

/** The MAC of CNI_ARGS, the last of several. */
export function macArg({ args }: Request): string | undefined {
  return args.pairs.findLast(([key]) => key === 'MAC')?.[1];
}

/** The MAC that was asked for: runtimeConfig over args.cni over CNI_ARGS; undefined when nobody did. Code 7 for one that is none. */
export function requestedMac(config: BridgeConfig, fromArgs: string | undefined): string | undefined {
  const wanted = config.runtimeConfig?.mac || config.args?.cni?.mac || fromArgs;
  if (!wanted) return undefined;
  const parsed = v.safeParse(mac, wanted);
  if (!parsed.success || !isUnicast(parsed.output))
    throw new CniError(ErrorCode.invalidConfig, `invalid MAC address "${wanted}"`);
  return parsed.output;
}

/** is_valid_ether_addr of the kernel: no group's address, and not all zeros. */
function isUnicast(address: string): boolean {
  return (Number.parseInt(address.slice(0, 2), 16) & 1) === 0 && address !== '00:00:00:00:00:00';
}

/** Code 7 for what contradicts itself, in the reference's words. */
export function demandConsistent(config: BridgeConfig, raw: Record<string, unknown>): void {
  for (const complaint of [
    ...vlanComplaints(config),
    ...shorthandComplaints(config, raw),
    ...combinationComplaints(config, raw),
  ]) {
    throw new CniError(ErrorCode.invalidConfig, complaint);
  }
}

function shorthandComplaints(config: BridgeConfig, raw: Record<string, unknown>): string[] {
  const { bridge, bridgeName = bridge, ip, disableContainerInterface } = config;
  const hasIp = ip !== undefined;
  return [
    ...(bridgeName !== bridge ? [`"bridge" and "bridgeName" name two bridges: "${bridge}" and "${bridgeName}"`] : []),
    ...(hasIp && ipamType(raw) !== '' ? ['"ip" and "ipam.type" cannot both give the address'] : []),
    ...(hasIp && disableContainerInterface ? ['cannot use "ip" when "disableContainerInterface" is set'] : []),
  ];
}

function combinationComplaints(config: BridgeConfig, raw: Record<string, unknown>): string[] {
  const complaints: string[] = [];
  if (config.hairpinMode && config.promiscMode)
    complaints.push('cannot set hairpin mode and promiscuous mode at the same time');
  if (config.disableContainerInterface && ipamType(raw) !== '') {
    complaints.push('cannot use IPAM when DisableContainerInterface flag is set');
  }
  return complaints;
}

const highestVlan = 4094;

function vlanComplaints(config: BridgeConfig): string[] {
  const { vlan, vlanTrunk } = config;
  const invalid = vlan < 0 || vlan > highestVlan;
  const gateway = gatewayLink(config);
  const tooLong = vlan !== 0 && isGateway(config) && !isNameable(gateway);
  return [
    ...(invalid ? [`invalid VLAN ID ${vlan} (must be between 0 and ${highestVlan})`] : []),
    ...(tooLong
      ? [`the VLAN's gateway cannot be called "${gateway}": a link's name has ${longestName} bytes at most`]
      : []),
    ...vlanTrunk.flatMap(trunkComplaints),
  ];
}

function trunkComplaints({ id, minID, maxID }: BridgeConfig['vlanTrunk'][number]): string[] {
  const invalid = (vlan: number | undefined): boolean => vlan !== undefined && (vlan < 1 || vlan > highestVlan);
  const both = 'minID and maxID should be configured simultaneously';
  return [
    ...(minID !== undefined && maxID === undefined ? [`${both}, maxID is missing`] : []),
    ...(minID === undefined && maxID !== undefined ? [`${both}, minID is missing`] : []),
    ...(invalid(id) ? ['incorrect trunk id parameter'] : []),
    ...(invalid(minID) ? ['incorrect trunk minID parameter'] : []),
    ...(invalid(maxID) ? ['incorrect trunk maxID parameter'] : []),
    ...(minID !== undefined && maxID !== undefined && minID > maxID
      ? ['minID is greater than maxID in trunk parameter']
      : []),
  ];
}
