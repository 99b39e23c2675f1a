import { isIPv6 } from '../../cni/addresses';
import type { IpConfig } from '../../cni/result';
import type { LinkFact, Step } from '../../kernel/contract';
import type { AddContext } from '../../plugin/define';
import { routeSteps } from '../routes';
import type { BridgeConfig } from './config';
import type { Addressing } from './gateway';
import { portVlanSteps } from './vlan';

/** How long the kernel may take until the port forwards: far more than it needs, far less than a runtime's patience. */
const portTimeoutMs = 5_000;

/** What the steps below need to know of an ADD. */
export interface Attachment {
  config: BridgeConfig;
  hostEnd: { name: string; mac: string };
  podEnd: { name: string; mac: string };
  alias: string;
  addressing: Addressing;
  /** As it is before the pair is made; null before the bridge is. */
  bridge: LinkFact | null;
}

/** The pair, in the order that lets the pod answer the moment ADD returns. */
export function attachSteps(attachment: Attachment): Step[] {
  const { config, hostEnd, podEnd, alias, addressing, bridge } = attachment;
  const port = {
    ...(config.hairpinMode ? { hairpin: true } : {}),
    ...(config.portIsolation ? { isolated: true } : {}),
  };
  const pair = pairStep(attachment);
  // Up only now: on a node with many links an alias costs a millisecond more once the link is.
  const label: Step = { op: 'link.set', ns: 'host', name: hostEnd.name, alias, up: true, ...port };
  const made = [pair, portWithoutIpv6(hostEnd.name), label, ...portVlanSteps(config, hostEnd.name, bridge)];
  if (config.disableContainerInterface) return made;
  return [
    ...made,
    ...podSysctls(config, podEnd.name, addressing.ips),
    ...addressing.ips.map(({ address }): Step => addressStep(config, podEnd.name, address)),
    { op: 'link.set', ns: 'pod', name: podEnd.name, up: true },
    ...routeSteps(podEnd.name, addressing.routes, addressing.ips),
  ];
}

/** The last steps of all: what comes before them is done while the kernel looks at the link. */
export function answeringSteps({ config, hostEnd, podEnd, addressing }: Attachment): Step[] {
  if (config.disableContainerInterface) return [];
  return [
    { op: 'link.wait', ns: 'host', name: hostEnd.name, timeoutMs: portTimeoutMs },
    // Whoever knew one of these addresses by another pod's MAC must not wait for its neighbour entry to expire.
    ...(addressing.ips.length > 0 ? [{ op: 'link.announce', ns: 'pod', name: podEnd.name } as const] : []),
  ];
}

/** One message makes both ends; names and MACs are set in it, so that nobody (udev) ever sees and changes others. */
function pairStep({ config, hostEnd, podEnd }: Attachment): Step {
  const mtu = config.mtu > 0 ? { mtu: config.mtu } : {};
  return {
    op: 'link.add',
    ns: 'host',
    ...hostEnd,
    ...mtu,
    master: config.bridge,
    link: { kind: 'veth', peer: { ns: 'pod', ...podEnd, ...mtu } },
    ifExists: 'fail',
  };
}

function addressStep({ enabledad }: BridgeConfig, link: string, address: string): Step {
  return { op: 'addr.add', ns: 'pod', link, address, ...(enabledad ? {} : { nodad: true }), ifExists: 'keep' };
}

/**
 * A port needs no address, and passes frames on whatever they carry. With one of IPv6's own the kernel would have three more
 * routes for each pod, through all of which it goes whenever a link comes up or gets its carrier.
 */
function portWithoutIpv6(link: string): Step {
  const key = `net/ipv6/conf/${link}/disable_ipv6`;
  return { op: 'sysctl.set', ns: 'host', key, value: '1', ifMissing: 'keep', ifReadOnly: 'keep' };
}

/**
 * Before the link goes up: no duplicate address detection for its link-local address either, its addresses announced
 * when they appear, IPv6 switched on where an address of it comes (runtimes switch it off), and addresses that outlive
 * a "down". A kernel without IPv6 lacks the files, and where /proc/sys is read-only a pod can do without.
 */
function podSysctls({ enabledad }: BridgeConfig, ifname: string, ips: readonly IpConfig[]): Step[] {
  const set = (key: string, value: string): Step => ({
    op: 'sysctl.set',
    ns: 'pod',
    key,
    value,
    ifMissing: 'keep',
    ifReadOnly: 'keep',
  });
  const v6 = ips.some(({ address }) => isIPv6(address));
  return [
    ...(enabledad ? [] : [set(`net/ipv6/conf/${ifname}/accept_dad`, '0')]),
    set(`net/ipv4/conf/${ifname}/arp_notify`, '1'),
    ...(v6
      ? [
          set('net/ipv6/conf/lo/disable_ipv6', '0'),
          set(`net/ipv6/conf/${ifname}/disable_ipv6`, '0'),
          set(`net/ipv6/conf/${ifname}/keep_addr_on_down`, '1'),
          set(`net/ipv6/conf/${ifname}/ndisc_notify`, '1'),
        ]
      : []),
  ];
}

/** For a human who wonders whose link this is, and for GC: at most 255 bytes. */
export function aliasOf({ identity }: Pick<AddContext<unknown, never>, 'identity'>): string {
  return `trestle ${identity.network} ${identity.containerId} ${identity.ifname}`.slice(0, 255);
}

/** The network, container and interface that an alias of ours names; undefined for any other text, and for one that was cut. */
export function ownerIn(alias: string): { network: string; containerId: string; ifname: string } | undefined {
  const [mark, network, containerId, ifname, ...more] = alias.split(' ');
  if (mark !== 'trestle' || !network || !containerId || !ifname || more.length > 0 || alias.length >= 255)
    return undefined;
  return { network, containerId, ifname };
}
