import { parseConfig } from '../cni/config';
import { CniError, ErrorCode } from '../cni/errors';
import type { Request } from '../cni/request';
import type { Result } from '../cni/result';
import type { Step } from '../kernel/contract';
import { expectationsOf } from '../kernel/expectations';
import { type Call, demandNetns } from './call';
import type { AddContext, Identity, Plan, Queries } from './define';
import { callIpam, ipamType } from './ipam';
import { observe, type Run } from './kernel-run';
import { withAttachmentLock } from './locks';

/**
 * CHECK: the plan that an ADD with this configuration and the result it gave would have had is compared with the
 * kernel, step by step. Fails with code 101 and one sentence for each difference.
 */
export async function check(call: Call): Promise<void> {
  const { plugin, request, platform, identity } = call;
  const config = parseConfig(plugin.config, request.config);
  const { prevResult } = request;
  if (prevResult === undefined) throw new CniError(ErrorCode.invalidConfig, 'required prevResult missing');
  const run = await demandNetns(call);
  await withAttachmentLock(platform, identity, plugin.type, async () => {
    const type = plugin.ipam === undefined ? '' : ipamType(request.config);
    if (type !== '') await callIpam(platform, type, request);
    const who = identityIn(prevResult, request, identity);
    const facts = await observe(run, plugin.facts({ request, config, identity: who }));
    const context = { request, config, identity: who, facts, ipam: reportedTo(request, prevResult) };
    const own = type === '' ? plugin.addressing?.({ request, config }) : undefined;
    demandNothing([
      ...unreported(own, context.ipam),
      ...(await differences(call, run, context)),
      ...(plugin.check?.(context) ?? []),
    ]);
  });
}

function demandNothing(findings: readonly string[]): void {
  if (findings.length > 0) throw new CniError(ErrorCode.checkFailed, findings.join('; '));
}

/** The configuration's own addresses that the result lacks; of an IPAM plugin's it is for that one to say. */
function unreported({ ips: own = [] }: Result = {}, { ips = [] }: Result): string[] {
  const missing = own.filter(({ address }) => !ips.some((ip) => ip.address === address));
  return missing.map(({ address }) => `prevResult has no ${address}, which the configuration gives`);
}

async function differences(call: Call, run: Run, context: AddContext<unknown, Queries>): Promise<string[]> {
  const plan = planned(call, context);
  if (typeof plan === 'string') return [plan];
  const steps: Step[] = [...(plan.shared?.steps ?? []), ...plan.steps];
  const expectations = steps.flatMap(expectationsOf);
  const facts = await observe(run, Object.fromEntries(expectations.map(({ query }, i) => [i, query])));
  return expectations.flatMap(({ differs }, i) => differs(facts[i] as never) ?? []);
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
  const outside = interfaces.filter(({ sandbox, name }) => !sandbox && name.startsWith('veth'));
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
