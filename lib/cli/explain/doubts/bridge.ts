import { ipamType } from '../../../plugin/ipam';
import { type BridgeConfig, gatewayLink, isGateway } from '../../../plugins/bridge/config';
import type { Doubt } from './doubt';
import { type HostFacts, uplinkOf } from './host';
import { overlapDoubts } from './overlap';
import { subnetsOf } from './subnets';

type Json = Record<string, unknown>;

/** What of a bridge's configuration does not fit together, or does not fit this host. `raw` is the configuration as it stands. */
export function bridgeDoubts(config: BridgeConfig, raw: Json, host: HostFacts): Doubt[] {
  return [
    ...mtuDoubts(config, host),
    ...hairpinDoubts(config, host),
    ...gatewayDoubts(config, raw),
    ...overlapDoubts(subnetsOf(raw), host, [config.bridge, gatewayLink(config)]),
  ];
}

/** The kernel's, where the configuration names none. */
const usualMtu = 1500;

/** A difference means fragments at best, and at worst packets that vanish. */
function mtuDoubts({ mtu, bridge: name }: BridgeConfig, host: HostFacts): Doubt[] {
  const bridge = host.links.find(({ link }) => link.name === name)?.link;
  const uplink = uplinkOf(host);
  const path = mtu > 0 ? ['mtu'] : [];
  const own = mtu > 0 ? mtu : usualMtu;
  const said = mtu > 0 ? `${mtu}` : `no "mtu", so that pods get ${usualMtu}`;
  return [
    ...(mtu > 0 && bridge && bridge.mtu !== mtu
      ? [{ path, text: `${said}, but the bridge ${name} that is there has ${bridge.mtu}` }]
      : []),
    ...(uplink && (mtu > 0 ? uplink.mtu !== own : uplink.mtu < own)
      ? [{ path, text: `${said}, but ${uplink.name}, by which the host reaches the world, has ${uplink.mtu}` }]
      : []),
  ];
}

/** https://github.com/containernetworking/plugins/issues/1222 and its like: a hairpinned frame keeps the pod's own address as its source. */
function hairpinDoubts({ hairpinMode }: BridgeConfig, { bridgeCallsIptables }: HostFacts): Doubt[] {
  if (!hairpinMode || bridgeCallsIptables !== '1') return [];
  const text =
    'with net.bridge.bridge-nf-call-iptables = 1 a frame that comes back to its pod passes iptables too, where rules may drop or translate it';
  return [{ path: ['hairpinMode'], text }];
}

function gatewayDoubts(config: BridgeConfig, raw: Json): Doubt[] {
  const { isDefaultGateway, ipMasq, ip, disableContainerInterface } = config;
  const hasAddresses = ipamType(raw) !== '' || ip !== undefined;
  const key = isDefaultGateway ? 'isDefaultGateway' : 'isGateway';
  return [
    ...(isGateway(config) && !hasAddresses && !disableContainerInterface
      ? [
          {
            path: [key],
            text: 'has no effect: no pod gets an address, by "ipam" or "ip", that it could be the gateway of',
          },
        ]
      : []),
    ...(ipMasq && !hasAddresses
      ? [{ path: ['ipMasq'], text: 'has no effect: no pod gets an address, by "ipam" or "ip"' }]
      : []),
    ...(ipMasq && hasAddresses && !isGateway(config)
      ? [
          {
            path: ['ipMasq'],
            text: 'pods send nothing through this host unless "isGateway" or a gateway of theirs says so',
          },
        ]
      : []),
  ];
}
