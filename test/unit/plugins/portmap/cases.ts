import { parseConfig } from '../../../../lib/cni/config';
import { CniError, errorObject } from '../../../../lib/cni/errors';
import type { Request } from '../../../../lib/cni/request';
import type { Result } from '../../../../lib/cni/result';
import type { Answers, NftBatch, NftElementFact, Step } from '../../../../lib/kernel/contract';
import type { Plan } from '../../../../lib/plugin/define';
import { identify } from '../../../../lib/plugin/identity';
import { portmap } from '../../../../lib/plugins/portmap/portmap';

export const netns = '/run/netns/a';
export const identity = identify({ network: 'net', containerId: 'c1', ifname: 'eth0' }, 'machine');
/** What elements of this attachment say. */
export const owner = 'c1 eth0 net';

export const prevResult: Result = {
  interfaces: [{ name: 'cni0' }, { name: 'veth1' }, { name: 'eth0', sandbox: netns }],
  ips: [
    { address: '10.1.2.3/24', gateway: '10.1.2.1', interface: 2 },
    { address: 'fd00::3/64', gateway: 'fd00::1', interface: 2 },
  ],
};
export const onlyIPv4: Result = { ...prevResult, ips: prevResult.ips?.slice(0, 1) ?? [] };

export interface Case {
  mappings?: unknown;
  config?: Record<string, unknown>;
  facts?: Record<string, Answers[keyof Answers]>;
  prevResult?: Result | null;
  command?: Request['command'];
}

/** A node on which everything is as it should be, and no port is anybody's. */
const settled = {
  services: [],
  servicesKnown: [],
  servicesKnown6: [],
  bridgeNf: null,
  bridgeNf6: null,
  way: { link: 'cni0', type: 1 },
  'localnet cni0': '1',
};

export function contextOf({ mappings, config = {}, facts = {}, command = 'ADD', ...given }: Case) {
  const raw = {
    name: 'net',
    type: 'portmap',
    ...(mappings !== undefined && { runtimeConfig: { portMappings: mappings } }),
    ...config,
  };
  const request = {
    command,
    netns,
    containerId: 'c1',
    ifname: 'eth0',
    name: 'net',
    config: raw,
    ...(given.prevResult !== null && { prevResult: given.prevResult ?? prevResult }),
  } as unknown as Request;
  return { request, config: parseConfig(portmap.config, raw), identity, facts: { ...settled, ...facts } };
}

export const planOf = (given: Case): Plan => portmap.add(contextOf(given));
export const sharedOf = (given: Case): Step[] => planOf(given).shared?.steps ?? [];
export const isIdle = (given: Case): boolean => portmap.idle?.(contextOf(given)) !== undefined;

/** The batch that maps the ports. */
export function batchOf(given: Case): NftBatch {
  return planOf(given).steps.find((step): step is NftBatch => step.op === 'nft.batch') as NftBatch;
}

/** Of each map and set its keys, with what they lead to. */
export function elementsOf(given: Case): Record<string, string[]> {
  const elements: Record<string, string[]> = {};
  for (const { set, keys, data } of batchOf(given).add ?? []) {
    const texts = keys.map((key) => (data === undefined ? key : `${key} : ${data}`));
    elements[set] = [...(elements[set] ?? []), ...texts];
  }
  return elements;
}

/** What a case is refused with. */
export function errorOf(work: () => unknown) {
  try {
    work();
  } catch (error) {
    if (error instanceof CniError) return errorObject(error);
    throw error;
  }
  return undefined;
}

export const web = { hostPort: 8080, containerPort: 80, protocol: 'tcp' };

/** What looking up the port of {@link web} tells: whose it is, if anybody's. */
export const heldBy = (comment: string | null): (NftElementFact | null)[] => [
  comment === null ? null : { key: 'tcp . 8080', data: '10.1.2.9 . 80', comment },
];
