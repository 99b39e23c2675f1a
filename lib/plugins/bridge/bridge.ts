import { knownArgs } from '../../cni/args';
import { CniError, ErrorCode } from '../../cni/errors';
import type { Dns, Interface, Result } from '../../cni/result';
import type { LinkFact, Outcome, Query, Step } from '../../kernel/contract';
import {
  type AddContext,
  type AttachmentContext,
  type Context,
  definePlugin,
  type Facts,
  type Identity,
  type Plan,
} from '../../plugin/define';
import { ipamType } from '../../plugin/ipam';
import { elementDebris, elementQueries, masquerade, masqueradeSets, unmasquerade } from '../masquerade';
import { aliasOf, attachSteps, ownerIn } from './attach';
import { type BridgeConfig, bridgeSchema, demandConsistent, demandRoom, gatewayLink, requestedMac } from './config';
import { type Addressing, addressing, gatewayAddresses } from './gateway';
import { demandBridge, pinSteps, sharedQueries, sharedSteps } from './shared';

/** `bridge`: a veth pair between the pod and a Linux bridge on the host, which may be the pods' gateway. */
export const bridge = definePlugin({
  type: 'bridge',
  config: bridgeSchema,
  ipam: 'optional',
  addressing: ({ config: { ip } }) => (ip === undefined ? undefined : { ips: [{ address: ip }] }),
  facts,
  refuse,
  add,
  check: bridgeMac,
  del,
  gc: { facts: gcFacts, found: gcFound },
  status: { facts: ({ config }) => (config.ipMasq ? { masqueradeSets } : {}), verdict: () => {} },
});

type Queries = ReturnType<typeof facts>;
type BridgeContext = AttachmentContext<BridgeConfig, Queries>;

function facts({ request, config, identity }: Context<BridgeConfig> & { identity: Identity }) {
  return {
    ...sharedQueries(config),
    hostEnd: { query: 'link', ns: 'host', name: identity.hostEnd.name },
    podEnd: { query: 'link', ns: 'pod', name: request.ifname },
    podAddrs: { query: 'addrs', ns: 'pod', link: request.ifname },
  } as const satisfies Record<string, Query>;
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

function add({ request, config, identity, facts, ipam }: AddContext<BridgeConfig, Queries>): Plan {
  demandBridge(config, facts);
  const asked = request.command === 'CHECK' ? undefined : requestedMac(config, macArg(request));
  const podEnd = { name: request.ifname, mac: asked ?? identity.podMac };
  const layer3 = ipam ? addressing(config, ipam) : { ips: [], routes: [] };
  const addresses = layer3.ips.map(({ address }) => address);
  demandRoom(config, addresses);
  const gateways = gatewayAddresses(config, layer3);
  const pin = pinSteps(config, facts, identity.machineId);
  const steps = attachSteps({
    config,
    hostEnd: identity.hostEnd,
    podEnd,
    alias: aliasOf({ identity }),
    addressing: layer3,
    bridge: facts.bridge,
  });
  const masquerading =
    config.ipMasq && layer3.ips.length > 0
      ? [masquerade(identity.network, identity.containerId, identity.ifname, addresses)]
      : [];
  return {
    shared: { lock: `bridge ${config.bridge}`, steps: sharedSteps(config, gateways, facts, identity.machineId) },
    steps: [...pin, ...steps, ...masquerading],
    result: (outcomes) =>
      result(
        {
          config,
          facts,
          vlanGateway: config.vlan !== 0 && gateways.length > 0,
          netns: request.netns,
          hostEnd: identity.hostEnd.name,
          podEnd,
          layer3,
          ...(ipam?.dns ? { dns: ipam.dns } : {}),
        },
        outcomes.slice(pin.length),
      ),
  };
}

function macArg({ args }: Context<BridgeConfig>['request']): string | undefined {
  return args.pairs.findLast(([key]) => key === 'MAC')?.[1];
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

/** What the plan's steps do not say: which bridge the port is in, and that the bridge still has its MAC. */
function bridgeMac({ request, config, identity, facts }: AddContext<BridgeConfig, Queries>): string[] {
  const { bridge: device, hostEnd } = facts;
  const promised = request.prevResult?.interfaces?.find(({ name, sandbox }) => name === config.bridge && !sandbox)?.mac;
  if (device === null) return [];
  return [
    ...(hostEnd && hostEnd.master !== device.ifindex
      ? [`${identity.hostEnd.name} on the host is not a port of ${config.bridge}`]
      : []),
    ...(promised && promised !== device.mac
      ? [`${config.bridge} on the host has MAC ${device.mac}, expected ${promised}`]
      : []),
  ];
}

/** Without a record: our own name for the host end, the names in the result, or the pod's interface if it is a veth. */
function del({ request, config, identity, facts }: BridgeContext): Step[] {
  const { interfaces = [], ips = [] } = request.prevResult ?? {};
  const addresses = [...ips, ...facts.podAddrs.filter(({ scope }) => scope === 'global')].map(({ address }) => address);
  const outside = interfaces.filter(({ sandbox, mac }) => !sandbox && mac);
  return [
    ...(config.ipMasq && addresses.length > 0
      ? [unmasquerade(identity.network, identity.containerId, identity.ifname, [...new Set(addresses)])]
      : []),
    removal('host', identity.hostEnd),
    ...outside.map(({ name, mac }) => removal('host', { name, mac })),
    removal('pod', { name: request.ifname, mac: undefined }),
  ];
}

function removal(ns: 'host' | 'pod', { name, mac }: { name: string; mac: string | undefined }): Step {
  return { op: 'link.delete', ns, name, kind: 'veth', ...(mac ? { mac } : {}), ifMissing: 'keep' };
}

function gcFacts(
  { request, config }: Context<BridgeConfig>,
  known: Facts<Record<string, Query>>,
): Record<string, Query> {
  const links = { query: 'links', ns: 'host' } as const;
  if (!config.ipMasq) return { links };
  return {
    links,
    masqueradeSets,
    ...elementQueries(request.name, known.masqueradeSets as Facts<{ s: typeof masqueradeSets }>['s']),
  };
}

function gcFound({ request, facts }: Context<BridgeConfig> & { facts: Facts<Record<string, Query>> }) {
  const { links, masqueradeSets: _sets, ...elements } = facts;
  return [
    ...Object.entries(elements).flatMap(([set, found]) =>
      elementDebris(set, (found ?? []) as { key: string; comment: string }[]),
    ),
    ...((links ?? []) as LinkFact[]).flatMap((link) => {
      const owner = link.kind === 'veth' ? ownerIn(link.alias) : undefined;
      return owner?.network === request.name ? [{ ...owner, steps: [removal('host', link)] }] : [];
    }),
  ];
}
