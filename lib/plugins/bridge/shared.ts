import { isIPv6 } from '../../cni/addresses';
import { CniError, ErrorCode } from '../../cni/errors';
import type { AddrFact, LinkFact, Query, Step, VlanRange } from '../../kernel/contract';
import { deviceMac } from '../../plugin/identity';
import { type BridgeConfig, gatewayLink, isGateway, isNameable } from './config';
import { gatewaySteps, ipv6Sysctls } from './gateway';
import { gatewayPort, usesVlans, vlanGatewaySteps } from './vlan';

const forwarding = { ipv4: 'net/ipv4/ip_forward', ipv6: 'net/ipv6/conf/all/forwarding' } as const;

/** What has to be known of the bridge and of what else every pod of it shares. */
export function sharedQueries(config: BridgeConfig) {
  // Of a link that cannot have such a name nothing can be asked.
  const ownLink = config.vlan !== 0 && isGateway(config) && isNameable(gatewayLink(config));
  const name = ownLink ? gatewayLink(config) : config.bridge;
  const always = {
    bridge: { query: 'link', ns: 'host', name: config.bridge },
    gatewayAddrs: { query: 'addrs', ns: 'host', link: name },
    ipv4Forwarding: { query: 'sysctl', ns: 'host', key: forwarding.ipv4 },
    ipv6Forwarding: { query: 'sysctl', ns: 'host', key: forwarding.ipv6 },
  } as const satisfies Record<string, Query>;
  const ofVlan = {
    gateway: { query: 'link', ns: 'host', name },
    gatewayVlans: { query: 'vlans', ns: 'host', link: gatewayPort(config) },
  } as const satisfies Record<string, Query>;
  const asked: typeof always & Partial<typeof ofVlan> = ownLink ? { ...always, ...ofVlan } : always;
  return asked;
}

export interface SharedFacts {
  bridge: LinkFact | null;
  gatewayAddrs: AddrFact[];
  ipv4Forwarding: string | null;
  ipv6Forwarding: string | null;
  /** The link of a VLAN's gateway, and the VLANs of its port. */
  gateway?: LinkFact | null;
  gatewayVlans?: VlanRange[];
}

/** Throws {@link bridgeFault}. */
export function demandBridge(config: BridgeConfig, facts: SharedFacts): void {
  const fault = bridgeFault(config, facts);
  if (fault) throw fault;
}

/** Why no pod can be attached: the name is taken by something that is no bridge, or by one that cannot do what the configuration wants. */
export function bridgeFault(config: BridgeConfig, { bridge }: Pick<SharedFacts, 'bridge'>): CniError | undefined {
  const { bridge: name } = config;
  if (bridge === null) return undefined;
  if (bridge.kind !== 'bridge') {
    return new CniError(
      ErrorCode.internal,
      `"${name}" already exists but is not a bridge`,
      `it is a ${bridge.kind || 'physical'} device`,
    );
  }
  if (usesVlans(config) && !bridge.bridge?.vlanFiltering) {
    return new CniError(
      ErrorCode.internal,
      `bridge "${name}" does not filter VLANs, which ${config.vlan === 0 ? '"vlanTrunk"' : '"vlan"'} needs`,
      `ip link set ${name} type bridge vlan_filtering 1`,
    );
  }
  return undefined;
}

/** What is missing of the bridge, its gateway addresses and forwarding: nothing, on all but a network's first ADD. */
export function sharedSteps(
  config: BridgeConfig,
  gateways: readonly string[],
  facts: SharedFacts,
  machineId: string,
): Step[] {
  const mac = deviceMac(config.bridge, machineId);
  const vlanGateway =
    config.vlan === 0 || gateways.length === 0 ? noSteps : vlanGatewaySteps(config, gateways, facts, machineId);
  return [
    ...(facts.bridge === null || isHalfMade(facts.bridge, mac)
      ? creation(config, gateways, mac)
      : upkeep(config, facts.bridge, mac)),
    ...vlanGateway.before,
    ...gatewaySteps(config, gateways, facts.gatewayAddrs),
    ...vlanGateway.after,
    ...(gateways.some((address) => !isIPv6(address)) ? enable(forwarding.ipv4, facts.ipv4Forwarding) : []),
    ...(gateways.some(isIPv6) ? enable(forwarding.ipv6, facts.ipv6Forwarding) : []),
  ];
}

const noSteps = { before: [], after: [] };

/** One of ours that is down: to go up is the last step of its making, before which its maker was killed. */
function isHalfMade({ up, mac }: LinkFact, ours: string): boolean {
  return !up && mac === ours;
}

/**
 * The MAC is set at creation: one that the kernel chooses changes with the bridge's ports. IPv6 is set up before the
 * bridge goes up, which is when the kernel would begin to solicit routers and to doubt its own address.
 */
function creation(config: BridgeConfig, gateways: readonly string[], mac: string): Step[] {
  const { bridge: name, mtu, promiscMode, macspoofchk } = config;
  const filter = usesVlans(config) ? { vlanFiltering: true } : {};
  const size = mtu > 0 ? { mtu } : {};
  return [
    { op: 'link.add', ns: 'host', name, mac, link: { kind: 'bridge', ...filter }, ...size, ifExists: 'keep' },
    ...ipv6Sysctls(config, name, gateways),
    {
      op: 'link.set',
      ns: 'host',
      name,
      up: true,
      ...(promiscMode ? { promisc: true } : {}),
      ...(macspoofchk ? { noLinkLocalLearn: true } : {}),
    },
  ];
}

/** What is left of a bridge's MAC when it was that of a port, and the last port has gone. */
const noMac = '00:00:00:00:00:00';

/**
 * Keeps the MAC of a bridge that somebody else made: one that was not set explicitly would become that of our host end.
 * Whether it was cannot be asked, and setting it to what it is costs one message; ours is set at creation.
 */
export function pinSteps({ bridge: name }: BridgeConfig, { bridge }: SharedFacts, machineId: string): Step[] {
  const foreign = bridge !== null && bridge.mac !== deviceMac(name, machineId);
  return foreign ? [{ op: 'link.set', ns: 'host', name, pinMac: true }] : [];
}

/**
 * An existing bridge is brought up and made promiscuous if it has to be, and no guard over MACs is worth anything while
 * it learns from what nftables does not see, such as LLDP; the rest is its owner's.
 */
function upkeep({ bridge: name, promiscMode, macspoofchk }: BridgeConfig, bridge: LinkFact, mac: string): Step[] {
  const wanted = {
    ...(bridge.mac === noMac ? { mac } : {}),
    ...(bridge.up ? {} : { up: true }),
    ...(promiscMode && !bridge.promiscFlag ? { promisc: true } : {}),
    ...(macspoofchk && !bridge.bridge?.noLinkLocalLearn ? { noLinkLocalLearn: true } : {}),
  };
  return Object.keys(wanted).length === 0 ? [] : [{ op: 'link.set', ns: 'host', name, ...wanted }];
}

function enable(key: string, value: string | null): Step[] {
  return value === '1' ? [] : [{ op: 'sysctl.set', ns: 'host', key, value: '1', ifMissing: 'fail' }];
}
