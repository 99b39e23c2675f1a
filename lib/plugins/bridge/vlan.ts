import type { LinkFact, Step, VlanRange } from '../../kernel/contract';
import { base32, deviceMac, digest } from '../../plugin/identity';
import { type BridgeConfig, gatewayLink } from './config';
import { ipv6Sysctls } from './gateway';

/** Whether pods of this configuration need a bridge that filters VLANs. */
export function usesVlans({ vlan, vlanTrunk }: BridgeConfig): boolean {
  return vlan !== 0 || vlanTrunk.length > 0;
}

/** What a bridge puts a new port into unless it was told otherwise (BR_DEFAULT_PVID of the kernel). */
const usualPvid = 1;

/**
 * The VLANs of a port: `vlan` as the one of its untagged frames, the trunk's for those with a tag. The bridge has put it
 * into its default one already; there it stays, as in the reference, unless `preserveDefaultVlan` is false.
 */
export function portVlanSteps(config: BridgeConfig, link: string, bridge: LinkFact | null): Step[] {
  if (!usesVlans(config)) return [];
  const add = wantedVlans(config);
  const pvid = bridge?.bridge?.defaultPvid ?? usualPvid;
  const stays = config.preserveDefaultVlan || pvid === 0 || add.some(({ from, to }) => from <= pvid && pvid <= to);
  const leave: Step = { op: 'bridge.vlan.delete', ns: 'host', link, vlans: [{ from: pvid, to: pvid }] };
  return [...(stays ? [] : [leave]), { op: 'bridge.vlan.add', ns: 'host', link, vlans: add }];
}

function wantedVlans({ vlan, vlanTrunk }: BridgeConfig): VlanRange[] {
  const ids = new Set(vlanTrunk.flatMap(({ id, minID, maxID }) => [...upTo(minID, maxID), ...upTo(id, id)]));
  ids.delete(vlan);
  return [...(vlan === 0 ? [] : [{ from: vlan, to: vlan, pvid: true, untagged: true }]), ...rangesOf(ids)];
}

function upTo(from: number | undefined, to: number | undefined): number[] {
  return from === undefined || to === undefined ? [] : Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function rangesOf(ids: ReadonlySet<number>): VlanRange[] {
  const ranges: VlanRange[] = [];
  for (const id of [...ids].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.to === id - 1) last.to = id;
    else ranges.push({ from: id, to: id });
  }
  return ranges;
}

/** The gateway's port in the bridge. Only where there is a VLAN. */
export function gatewayPort({ bridge, vlan }: BridgeConfig): string {
  return `veth${base32(digest('gateway', bridge, String(vlan)), 11)}`;
}

/** What is missing of a VLAN's gateway: `before` its addresses are given to it, and `after`. */
export interface GatewaySteps {
  before: Step[];
  after: Step[];
}

interface GatewayFacts {
  bridge: LinkFact | null;
  gateway?: LinkFact | null;
  gatewayVlans?: VlanRange[];
}

/** How long the kernel may take until the gateway's port forwards: far more than it needs. */
const portTimeoutMs = 5_000;

/**
 * A gateway of ours goes up last of all, so that one that is down is half made: its maker was killed. One that somebody
 * else made (the reference, or an 802.1Q link on the bridge) is used as it is.
 */
export function vlanGatewaySteps(
  config: BridgeConfig,
  gateways: readonly string[],
  facts: GatewayFacts,
  machineId: string,
): GatewaySteps {
  const name = gatewayLink(config);
  const mac = deviceMac(name, machineId);
  const { gateway } = facts;
  if (gateway && gateway.mac !== mac) {
    return { before: gateway.up ? [] : [{ op: 'link.set', ns: 'host', name, up: true }], after: [] };
  }
  if (gateway?.up) return { before: isInVlan(config, facts) ? [] : vlansOfPort(config, facts), after: [] };
  return {
    before: [
      pairStep(config, facts.bridge, { name, mac }, machineId),
      ...vlansOfPort(config, facts),
      ...ipv6Sysctls(config, name, gateways),
    ],
    after: [
      { op: 'link.set', ns: 'host', name, up: true },
      { op: 'link.wait', ns: 'host', name: gatewayPort(config), timeoutMs: portTimeoutMs },
    ],
  };
}

function isInVlan({ vlan }: BridgeConfig, { gatewayVlans = [] }: GatewayFacts): boolean {
  return gatewayVlans.some(({ from, to, pvid }) => from <= vlan && vlan <= to && pvid);
}

function vlansOfPort(config: BridgeConfig, { bridge }: GatewayFacts): Step[] {
  return portVlanSteps({ ...config, vlanTrunk: [] }, gatewayPort(config), bridge);
}

function pairStep(
  config: BridgeConfig,
  bridge: LinkFact | null,
  end: { name: string; mac: string },
  machineId: string,
): Step {
  const size = config.mtu > 0 ? config.mtu : bridge?.mtu;
  const mtu = size === undefined ? {} : { mtu: size };
  const name = gatewayPort(config);
  return {
    op: 'link.add',
    ns: 'host',
    name,
    mac: deviceMac(name, machineId),
    ...mtu,
    up: true,
    master: config.bridge,
    link: { kind: 'veth', peer: { ns: 'host', ...end, ...mtu } },
    ifExists: 'keep',
  };
}
