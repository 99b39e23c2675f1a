import { CniError, ErrorCode } from '../../cni/errors';
import type { ConntrackFlush, NftBatch, Step } from '../../kernel/contract';
import {
  type AddContext,
  type AttachmentContext,
  definePlugin,
  type Facts,
  type Plan,
  type Queries,
} from '../../plugin/define';
import { demandConsistent, type PortmapConfig, portmapSchema } from './config';
import {
  bridgePorts,
  facts,
  holderOf,
  isBridgeFiltered,
  localhostTarget,
  localnet,
  unmapped,
  wantedMappings,
} from './facts';
import { gc } from './gc';
import { elementsFor, type Mapping, podAddresses, sourcesOf } from './mappings';
import { holderText, ownerText } from './owner';
import { del, remains, removalFacts } from './remove';
import { servicesLink, servicesQueries, servicesStep, servicesUpkeep } from './services';
import { ensureFor, own } from './table';

/** `portmap`: makes ports of the host lead to ports of the pod, chained after the plugin that gave the pod its addresses. */
export const portmap = definePlugin<PortmapConfig, Queries>({
  type: 'portmap',
  about: 'makes ports of the host lead to ports of the pod',
  config: portmapSchema,
  chained: true,
  tables: [own],
  idle(context) {
    demandConsistent(context.config);
    return wantedMappings(context).length === 0 ? unmapped(context) : undefined;
  },
  facts: (context, known) => (context.request.command === 'DEL' ? removalFacts(context, known) : facts(context, known)),
  refuse: demandFree,
  add,
  check: localhostDiffers,
  del,
  remains,
  gc,
  upkeep: { links: [servicesLink], facts: () => servicesQueries, steps: servicesUpkeep },
  status: {
    facts: () => ({ trial: { query: 'nft.trial', ...own, ensure: ensureFor([], []) } }),
    verdict: ({ config }) => demandConsistent(config),
  },
});

/** Code 999 with the holder of a port that is another pod's. */
function demandFree(context: AttachmentContext<PortmapConfig, Queries>): void {
  const mappings = wantedMappings(context);
  const me = ownerText(context.identity);
  for (const mapping of mappings) {
    const holder = holderOf(mapping, mappings, context.facts);
    if (holder === null || holder === me) continue;
    throw new CniError(
      ErrorCode.internal,
      `host port ${portText(mapping)} is taken`,
      `it leads to ${holderText(holder)}`,
    );
  }
}

const portText = ({ hostIp, hostPort, protocol }: Mapping): string =>
  `${hostPort}/${protocol}${hostIp === undefined ? '' : ` of ${hostIp}`}`;

function add(context: AddContext<PortmapConfig, Queries>): Plan {
  const { request } = context;
  const mappings = wantedMappings(context);
  return {
    shared: { lock: 'port mappings', steps: request.command === 'CHECK' ? [] : sharedSteps(context) },
    steps: [...hairpinSteps(context), mapStep(context, mappings), ...flushSteps(mappings)],
    result: () => request.prevResult ?? {},
    warnings: unmapped(context),
  };
}

/** The guard of 127.0.0.0/8 is there before anybody is let through to it. */
function sharedSteps({ facts }: AddContext<PortmapConfig, Queries>): Step[] {
  const services = servicesStep(facts as Facts<typeof servicesQueries>);
  const gate = localnet(facts);
  const opening: Step[] =
    gate === undefined || gate.value === '1'
      ? []
      : [
          { op: 'nft.batch', ...own, ensure: ensureFor([], []) },
          { op: 'sysctl.set', ns: 'host', key: gate.key, value: '1', ifMissing: 'keep' },
        ];
  return [...(services ? [services] : []), ...opening];
}

function mapStep(
  { config, request, identity }: AddContext<PortmapConfig, Queries>,
  mappings: readonly Mapping[],
): NftBatch {
  const families = new Set(mappings.map(({ policy }) => policy.family));
  const sources = sourcesOf(config, podAddresses(request)).filter(({ family }) => families.has(family));
  return {
    op: 'nft.batch',
    ...own,
    ensure: ensureFor(
      mappings.map(({ policy }) => policy),
      sources,
    ),
    add: elementsFor(mappings, sources, ownerText(identity)),
  };
}

/**
 * Where frames on a bridge pass through iptables they are translated on their way through the bridge, which sends none
 * back where it came from unless the port is a hairpin: a pod could not reach itself.
 */
function hairpinSteps({ config, facts }: AddContext<PortmapConfig, Queries>): Step[] {
  if (!config.snat || !isBridgeFiltered(facts)) return [];
  return bridgePorts(facts)
    .filter(({ port }) => !port?.hairpin)
    .map(({ name }) => ({ op: 'link.set', ns: 'host', name, hairpin: true }));
}

/** A sender of UDP goes on for ever where it once began to send: to whoever had the port before, or to nobody. */
function flushSteps(mappings: readonly Mapping[]): ConntrackFlush[] {
  const flows = mappings.flatMap(({ protocol, hostIp, hostPort, policy, pod }) =>
    protocol === 'udp' && pod !== undefined
      ? [
          {
            protocol,
            family: policy.family,
            port: hostPort,
            ...(hostIp && { ip: hostIp }),
            notAnsweredBy: pod,
          } as const,
        ]
      : [],
  );
  return flows.length > 0 ? [{ op: 'conntrack.flush', ns: 'host', flows }] : [];
}

function localhostDiffers(context: AddContext<PortmapConfig, Queries>): string[] {
  const target = localhostTarget(context);
  const gate = localnet(context.facts);
  if (target === undefined || !gate || gate.value === '1' || gate.value === null) return [];
  return [`${gate.key.replaceAll('/', '.')} is ${gate.value}, so that 127.0.0.1 does not lead to ${target}`];
}
