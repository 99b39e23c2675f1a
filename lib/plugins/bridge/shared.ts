import { isIPv6 } from '../../cni/addresses';
import { CniError, ErrorCode } from '../../cni/errors';
import type { AddrFact, LinkFact, Query, Step } from '../../kernel/contract';
import { deviceMac } from '../../plugin/identity';
import type { BridgeConfig } from './config';
import { gatewaySteps } from './gateway';

const forwarding = { ipv4: 'net/ipv4/ip_forward', ipv6: 'net/ipv6/conf/all/forwarding' } as const;

/** What has to be known of the bridge and of what else every pod of it shares. */
export function sharedQueries({ bridge }: BridgeConfig) {
  return {
    bridge: { query: 'link', ns: 'host', name: bridge },
    bridgeAddrs: { query: 'addrs', ns: 'host', link: bridge },
    ipv4Forwarding: { query: 'sysctl', ns: 'host', key: forwarding.ipv4 },
    ipv6Forwarding: { query: 'sysctl', ns: 'host', key: forwarding.ipv6 },
  } as const satisfies Record<string, Query>;
}

export interface SharedFacts {
  bridge: LinkFact | null;
  bridgeAddrs: AddrFact[];
  ipv4Forwarding: string | null;
  ipv6Forwarding: string | null;
}

/** Throws when the name is taken by something that is no bridge. */
export function demandBridge({ bridge: name }: BridgeConfig, { bridge }: SharedFacts): void {
  if (bridge !== null && bridge.kind !== 'bridge') {
    throw new CniError(
      ErrorCode.internal,
      `"${name}" already exists but is not a bridge`,
      `it is a ${bridge.kind || 'physical'} device`,
    );
  }
}

/** What is missing of the bridge, its gateway addresses and forwarding: nothing, on all but a network's first ADD. */
export function sharedSteps(
  config: BridgeConfig,
  gateways: readonly string[],
  facts: SharedFacts,
  machineId: string,
): Step[] {
  const mac = deviceMac(config.bridge, machineId);
  return [
    ...(facts.bridge === null || isHalfMade(facts.bridge, mac)
      ? creation(config, gateways, mac)
      : upkeep(config, facts.bridge, mac)),
    ...gatewaySteps(config, gateways, facts.bridgeAddrs),
    ...(gateways.some((address) => !isIPv6(address)) ? enable(forwarding.ipv4, facts.ipv4Forwarding) : []),
    ...(gateways.some(isIPv6) ? enable(forwarding.ipv6, facts.ipv6Forwarding) : []),
  ];
}

/** One of ours that is down: to go up is the last step of its making, before which its maker was killed. */
function isHalfMade({ up, mac }: LinkFact, ours: string): boolean {
  return !up && mac === ours;
}

/**
 * The MAC is set at creation: one that the kernel chooses changes with the bridge's ports. IPv6 is set up before the
 * bridge goes up, which is when the kernel would begin to solicit routers and to doubt its own address.
 */
function creation(
  { bridge: name, mtu, promiscMode, enabledad }: BridgeConfig,
  gateways: readonly string[],
  mac: string,
): Step[] {
  const set = (key: string, value: string): Step => ({
    op: 'sysctl.set',
    ns: 'host',
    key: `net/ipv6/conf/${name}/${key}`,
    value,
    ifMissing: 'keep',
    ifReadOnly: 'keep',
  });
  return [
    { op: 'link.add', ns: 'host', name, mac, link: { kind: 'bridge' }, ...(mtu > 0 ? { mtu } : {}), ifExists: 'keep' },
    set('accept_ra', '0'),
    ...(!enabledad && gateways.some(isIPv6) ? [set('accept_dad', '0')] : []),
    { op: 'link.set', ns: 'host', name, up: true, ...(promiscMode ? { promisc: true } : {}) },
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

/** An existing bridge is brought up and made promiscuous if it has to be; the rest is its owner's. */
function upkeep({ bridge: name, promiscMode }: BridgeConfig, bridge: LinkFact, mac: string): Step[] {
  const wanted = {
    ...(bridge.mac === noMac ? { mac } : {}),
    ...(bridge.up ? {} : { up: true }),
    ...(promiscMode && !bridge.promiscFlag ? { promisc: true } : {}),
  };
  return Object.keys(wanted).length === 0 ? [] : [{ op: 'link.set', ns: 'host', name, ...wanted }];
}

function enable(key: string, value: string | null): Step[] {
  return value === '1' ? [] : [{ op: 'sysctl.set', ns: 'host', key, value: '1', ifMissing: 'fail' }];
}
