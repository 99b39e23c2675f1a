import { knownArgs } from '../../cni/args';
import { CniError, ErrorCode } from '../../cni/errors';
import type { Dns, Interface, Result } from '../../cni/result';
import type { Outcome, Query } from '../../kernel/contract';
import {
  type AddContext,
  type AttachmentContext,
  type Context,
  definePlugin,
  type Facts,
  type Identity,
  type Plan,
} from '../../plugin/define';
import { hostEndName } from '../../plugin/identity';
import { ipamType } from '../../plugin/ipam';
import { guardMac } from '../mac-spoof';
import { masquerade } from '../masquerade';
import { masqueradedByReference, referenceQueries } from '../reference-masquerade';
import { aliasOf, answeringSteps, attachSteps } from './attach';
import { differences } from './check';
import {
  type BridgeConfig,
  bridgeSchema,
  demandConsistent,
  demandRoom,
  gatewayLink,
  macArg,
  requestedMac,
} from './config';
import { type Addressing, addressing, gatewayAddresses } from './gateway';
import { del, gc, remains, removalQueries } from './remove';
import { demandBridge, pinSteps, sharedQueries, sharedSteps } from './shared';
import { status } from './status';

/** `bridge`: a veth pair between the pod and a Linux bridge on the host, which may be the pods' gateway. */
export const bridge = definePlugin({
  type: 'bridge',
  about: 'joins the pod to a bridge on the host by a veth pair',
  config: bridgeSchema,
  ipam: 'optional',
  uniform: true,
  addressing: ({ config: { ip } }) => (ip === undefined ? undefined : { ips: [{ address: ip }] }),
  facts,
  refuse,
  add,
  check: differences,
  del,
  remains,
  gc,
  status,
});

type Queries = ReturnType<typeof facts>;
export type BridgeContext = AttachmentContext<BridgeConfig, Queries>;

function facts({ request, config, identity }: Context<BridgeConfig> & { identity: Identity }) {
  const always = {
    ...sharedQueries(config),
    hostEnd: { query: 'link', ns: 'host', name: identity.hostEnd.name },
    podEnd: { query: 'link', ns: 'pod', name: request.ifname },
    podAddrs: { query: 'addrs', ns: 'pod', link: request.ifname },
  } as const satisfies Record<string, Query>;
  const asked: typeof always & Partial<typeof removalQueries & typeof referenceQueries> = {
    ...always,
    ...(request.command === 'DEL' ? removalQueries : {}),
    ...(isReferences({ request, config, identity }) ? referenceQueries : {}),
  };
  return asked;
}

/** For CHECK, by the name of the host end: whether the reference made the attachment and had to masquerade it. */
function isReferences({ request, config, identity }: Context<BridgeConfig> & { identity: Identity }): boolean {
  return request.command === 'CHECK' && config.ipMasq && identity.hostEnd.name !== hostEndName(identity);
}

function refuse({ request, config, identity, facts }: BridgeContext): void {
  demandConsistent(config, request.config);
  // With an IPAM plugin it is for that one to say which it knows.
  if (ipamType(request.config) === '') knownArgs(request.args, ['MAC']);
  // Throws for one that is none.
  requestedMac(config, macArg(request));
  demandBridge(config, facts);
  if (facts.podEnd !== null) {
    throw new CniError(
      ErrorCode.internal,
      `container veth name provided (${request.ifname}) already exists`,
      `in ${request.netns}`,
    );
  }
  if (facts.hostEnd !== null) {
    const { mac, alias } = facts.hostEnd;
    throw new CniError(
      ErrorCode.internal,
      `"${identity.hostEnd.name}" already exists on the host`,
      `its MAC is ${mac}${alias ? `, its alias "${alias}"` : ''}`,
    );
  }
}

function add(context: AddContext<BridgeConfig, Queries>): Plan {
  const { request, identity, facts, ipam } = context;
  const checking = request.command === 'CHECK';
  // CHECK plans what should be there, whatever stands in the way of it.
  const config = checking ? { ...context.config, forceAddress: true } : context.config;
  if (!checking) demandBridge(config, facts);
  const asked = checking ? undefined : requestedMac(config, macArg(request));
  const podEnd = { name: request.ifname, mac: asked ?? identity.podMac };
  // A result is complete: what it lacks, a later plugin of the chain has taken away.
  const layer3 = checking || !ipam ? { ips: ipam?.ips ?? [], routes: ipam?.routes ?? [] } : addressing(config, ipam);
  const addresses = layer3.ips.map(({ address }) => address);
  demandRoom(config, addresses);
  const gateways = gatewayAddresses(config, layer3);
  const { hostEnd } = identity;
  // The guard comes before the link: no frame of the pod goes by unseen.
  const before = [
    ...pinSteps(config, facts, identity.machineId),
    ...(config.macspoofchk ? [guardMac(identity, hostEnd.name, podEnd.mac)] : []),
  ];
  const alias = aliasOf({ identity });
  const attachment = { config, hostEnd, podEnd, alias, addressing: layer3, bridge: facts.bridge };
  const masqueraded = config.ipMasq ? addresses.filter((it) => !masqueradedByReference(facts, identity, it)) : [];
  const masquerading =
    masqueraded.length > 0 ? [masquerade(identity.network, identity.containerId, identity.ifname, masqueraded)] : [];
  return {
    shared: { lock: `bridge ${config.bridge}`, steps: sharedSteps(config, gateways, facts, identity.machineId) },
    steps: [...before, ...attachSteps(attachment), ...masquerading, ...answeringSteps(attachment)],
    result: (outcomes) =>
      result(
        {
          config,
          facts,
          vlanGateway: config.vlan !== 0 && gateways.length > 0,
          netns: request.netns,
          hostEnd: hostEnd.name,
          podEnd,
          layer3,
          ...(ipam?.dns ? { dns: ipam.dns } : {}),
        },
        outcomes.slice(before.length),
      ),
  };
}

interface Made {
  config: BridgeConfig;
  facts: Facts<Queries>;
  /** Whether a VLAN has a gateway, on a link of its own. */
  vlanGateway: boolean;
  netns: string;
  hostEnd: string;
  podEnd: { name: string; mac: string };
  layer3: Addressing;
  dns?: Dns;
}

/** Interfaces in the order that every consumer of the reference's results relies on: bridge, host end, container end, a VLAN's gateway. */
function result(
  { config, facts, vlanGateway, netns, hostEnd, podEnd, layer3, dns }: Made,
  [pair]: readonly Outcome[],
): Result {
  const own = config.dns && Object.values(config.dns).some((value) => value.length > 0) ? config.dns : dns;
  return {
    interfaces: [
      named(config.bridge, facts.bridge),
      named(hostEnd, pair),
      { ...named(podEnd.name, pair?.peer ?? podEnd), sandbox: netns },
      ...(vlanGateway ? [named(gatewayLink(config), facts.gateway)] : []),
    ],
    ...(layer3.ips.length > 0 ? layer3 : {}),
    ...(own ? { dns: own } : {}),
  };
}

/** Of a link as it was seen or made, what a result tells. */
function named(name: string, link?: { mac?: string; mtu?: number } | null): Interface {
  const { mac, mtu } = link ?? {};
  return { name, ...(mac ? { mac } : {}), ...(mtu ? { mtu } : {}) };
}
