import { parseConfig } from '../../../lib/cni/config';
import type { Request } from '../../../lib/cni/request';
import type { Result } from '../../../lib/cni/result';
import type { AddrFact, LinkFact, Step, VlanRange } from '../../../lib/kernel/contract';
import { deviceMac, identify } from '../../../lib/plugin/identity';
import { bridge } from '../../../lib/plugins/bridge/bridge';
import { linkFact } from '../facts';

export const identity = identify({ network: 'net', containerId: 'c1', ifname: 'eth0' }, 'machine');

export const link = (fields: Partial<LinkFact>): LinkFact => linkFact({ name: 'cni0', kind: 'bridge', ...fields });

export { addrFact as addr } from '../facts';

export interface BridgeFacts {
  bridge: LinkFact | null;
  gatewayAddrs: AddrFact[];
  ipv4Forwarding: string | null;
  ipv6Forwarding: string | null;
  hostEnd: LinkFact | null;
  podEnd: LinkFact | null;
  podAddrs: AddrFact[];
  gateway?: LinkFact | null;
  gatewayVlans?: VlanRange[];
  hostLinks?: LinkFact[];
}

export const nothing: BridgeFacts = {
  bridge: null,
  gatewayAddrs: [],
  ipv4Forwarding: '0',
  ipv6Forwarding: '0',
  hostEnd: null,
  podEnd: null,
  podAddrs: [],
};
export const ownMac = deviceMac('cni0', 'machine');
export const settled: BridgeFacts = {
  ...nothing,
  bridge: link({ mac: ownMac }),
  ipv4Forwarding: '1',
  ipv6Forwarding: '1',
};

export interface Case {
  config?: Record<string, unknown>;
  facts?: Partial<BridgeFacts>;
  ipam?: Result;
  args?: [string, string][];
  command?: Request['command'];
}

export function contextOf({ config = {}, facts = {}, ipam, args = [], command = 'ADD' }: Case) {
  const raw = { name: 'net', type: 'bridge', ...config };
  const request = {
    command,
    netns: '/run/netns/a',
    containerId: 'c1',
    ifname: 'eth0',
    name: 'net',
    config: raw,
    args: { text: '', pairs: args },
  } as unknown as Request;
  const context = { request, config: parseConfig(bridge.config, raw), identity, facts: { ...settled, ...facts } };
  return ipam ? { ...context, ipam } : context;
}

/** The plan of an ADD with what is given; the rest is a bridge that is as it should be. */
export const planOf = (given: Case) => bridge.add(contextOf(given) as never);
export const sharedOf = (given: Case): Step[] => planOf(given).shared?.steps ?? [];
export const refuse = (given: Case) => () => bridge.refuse?.(contextOf(given) as never);
export const ops = (steps: Step[]): string[] => steps.map(({ op }) => op);

export const oneIp: Result = { ips: [{ address: '10.1.2.3/24', gateway: '10.1.2.1' }], routes: [{ dst: '0.0.0.0/0' }] };
export const dual: Result = {
  ips: [...(oneIp.ips ?? []), { address: 'fd00::3/64', gateway: 'fd00::1' }],
  routes: [{ dst: '::/0' }],
};
