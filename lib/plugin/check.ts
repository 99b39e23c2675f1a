import { parseConfig } from '../cni/config';
import { CniError, ErrorCode } from '../cni/errors';
import { isLinkName } from '../cni/link-name';
import type { Request } from '../cni/request';
import type { Result } from '../cni/result';
import type { Ns, Query, Step } from '../kernel/contract';
import { type Expectation, expectationsOf } from '../kernel/expectations';
import { type Call, demandNetns } from './call';
import type { AddContext, Identity, Plan, Queries } from './define';
import { callIpam, ipamType } from './ipam';
import { learn, observe, type Run } from './kernel-run';
import { withAttachmentLock } from './locks';
import { restoreLost, whileRestored } from './restore';
import { keepUp } from './upkeep';

/**
 * CHECK: the plan that an ADD with this configuration and the result it gave would have had is compared with the
 * kernel, step by step. Fails with code 101 and one sentence for each difference.
 */
export async function check(call: Call): Promise<void> {
  const { plugin, request, platform, identity } = call;
  const config = parseConfig(plugin.config, request.config);
  const { prevResult } = request;
  if (prevResult === undefined) throw new CniError(ErrorCode.invalidConfig, 'required prevResult missing');
  if (plugin.chained && plugin.idle?.({ request, config })) return restoreLost(call);
  const run = demandNetns(call);
  try {
    await restoreLost(call);
    await keepUp(plugin, run);
    const look = () => compare(call, run, config, prevResult);
    await withAttachmentLock(platform, identity, plugin.type, look, { shared: true });
  } finally {
    run.leave();
  }
}

async function compare(call: Call, run: Run, config: unknown, prevResult: Result): Promise<void> {
  const { plugin, request, identity } = call;
  const type = plugin.ipam === undefined ? '' : ipamType(request.config);
  const lease = await leaseFault(call, type);
  const who = identityIn(prevResult, request, identity);
  const ipam = reportedTo(request, prevResult);
  const own = type === '' ? plugin.addressing?.({ request, config }) : undefined;
  const findings = await whileRestored(call.platform, async () => {
    const facts = await learn(run, (known) => plugin.facts({ request, config, identity: who }, known));
    const context = { request, config, identity: who, facts, ipam };
    return [...(await differences(call, run, context)), ...(plugin.check?.(context) ?? [])];
  });
  demandNothing(lease, [...unreported(own, ipam), ...findings]);
}

/** What the IPAM plugin finds wrong; undefined for nothing, and without one. */
async function leaseFault(call: Call, type: string): Promise<CniError | undefined> {
  if (type === '') return undefined;
  try {
    await callIpam(call, type, call.request);
    return undefined;
  } catch (error) {
    if (error instanceof CniError) return error;
    throw error;
  }
}

/** The IPAM plugin's error as it is where that is all; otherwise code 101 with everything, each thing told once. */
function demandNothing(lease: CniError | undefined, findings: readonly string[]): void {
  if (findings.length > 0) {
    const all = new Set([...(lease ? [lease.msg] : []), ...findings]);
    throw new CniError(ErrorCode.checkFailed, [...all].join('; '), lease?.details);
  }
  if (lease) throw lease;
}

/** The configuration's own addresses that the result lacks; of an IPAM plugin's it is for that one to say. */
function unreported({ ips: own = [] }: Result = {}, { ips = [] }: Result): string[] {
  const missing = own.filter(({ address }) => !ips.some((ip) => ip.address === address));
  return missing.map(({ address }) => `prevResult has no ${address}, which the configuration gives`);
}

async function differences(call: Call, run: Run, context: AddContext<unknown, Queries>): Promise<string[]> {
  const plan = planned(call, context);
  if (typeof plan === 'string') return [plan];
  const steps = [...(plan.shared?.steps ?? []), ...plan.steps].map((step) => asReported(step, call.request));
  const expectations = steps.flatMap(expectationsOf);
  const facts = await observe(run, Object.fromEntries(expectations.map(({ query }, i) => [i, query])));
  const missing = new Set(
    expectations.flatMap(({ query }, i) => (query.query === 'link' && facts[i] === null ? linkOf(query) : [])),
  );
  // That a link which is not there has no address needs no sentence of its own.
  const telling = ({ query }: Expectation) => query.query === 'link' || !missing.has(linkOf(query));
  return expectations.flatMap((it, i) => (telling(it) ? it.differs(facts[i] as never) : []));
}

/** The link that a question is about, "" for none. */
function linkOf(query: Query): string {
  if (query.query === 'link') return `${query.ns} ${query.name}`;
  return 'link' in query ? `${query.ns} ${query.link}` : '';
}

/** With the MTUs that the result names (from 1.1.0 on): a later plugin of the chain may have changed them. */
function asReported(step: Step, { prevResult }: Request): Step {
  if (step.op !== 'link.add') return step;
  const size = (ns: Ns, name: string): { mtu?: number } => {
    const mtu = prevResult?.interfaces?.find((it) => it.name === name && !it.sandbox === (ns === 'host'))?.mtu;
    return mtu ? { mtu } : {};
  };
  const { link } = step;
  const ends = link.kind === 'veth' ? { ...link, peer: { ...link.peer, ...size(link.peer.ns, link.peer.name) } } : link;
  return { ...step, ...size(step.ns, step.name), link: ends };
}

/** The plan, or the sentence with which planning refuses what the kernel looks like now. */
function planned({ plugin }: Call, context: AddContext<unknown, Queries>): Plan | string {
  try {
    return plugin.add(context);
  } catch (error) {
    if (error instanceof CniError) return error.message;
    throw error;
  }
}

/** Names and MACs as the result has them: another implementation, or a plugin later in the chain, may have chosen others. */
function identityIn({ interfaces = [] }: Result, { netns, ifname }: Request, own: Identity): Identity {
  const pod =
    interfaces.find(({ name, sandbox }) => name === ifname && sandbox === netns) ??
    interfaces.find(({ name, sandbox }) => name === ifname && sandbox);
  const outside = interfaces.filter(({ sandbox, name }) => !sandbox && name.startsWith('veth') && isLinkName(name));
  const host = outside.find(({ name }) => name === own.hostEnd.name) ?? outside.at(0);
  return {
    ...own,
    podMac: pod?.mac ?? own.podMac,
    hostEnd: host ? { name: host.name, mac: host.mac ?? '' } : own.hostEnd,
  };
}

/** What the result says of this interface: the part of it that an IPAM plugin once gave. */
function reportedTo({ ifname }: Request, { interfaces = [], ips = [], routes = [], dns }: Result): Result {
  const mine = ips.filter((ip) => ip.interface === undefined || interfaces[ip.interface]?.name === ifname);
  return { ips: mine, routes, ...(dns ? { dns } : {}) };
}
