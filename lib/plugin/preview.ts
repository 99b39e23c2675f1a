import { parseConfig } from '../cni/config';
import { assertExpressible } from '../cni/convert';
import { findPlugin } from '../cni/delegate';
import { CniError, ErrorCode } from '../cni/errors';
import type { Request } from '../cni/request';
import type { Result } from '../cni/result';
import type { Answers, Query, Step } from '../kernel/contract';
import { imagine, imaginedOutcomes } from '../kernel/imagine';
import { delegateOf, passedOn, usable } from './add';
import { type Call, demandNetns, hostRun } from './call';
import { debrisOf } from './debris';
import type { AddContext, Facts, Plan, Queries } from './define';
import { footprintOf, removalOf } from './footprint';
import { hostFor } from './ipam';
import { learn, type Run } from './kernel-run';
import type { Platform } from './platform';
import { type AttachmentRecord, readRecord } from './records';

/** Addresses that an ADD would get. */
export interface Lease {
  /** The IPAM plugin. */
  type: string;
  result: Result;
  /** It is a plugin of somebody else's, which cannot be asked: the addresses are those of documentation. */
  placeholder: boolean;
}

/** What an ADD and the DEL after it would do. */
export interface Preview {
  /** What an ADD that was killed has left, which this one would clear. */
  debris?: Removal;
  lease?: Lease;
  shared: Step[];
  steps: Step[];
  result: Result;
  warnings: string[];
  /** Whether it keeps a record. */
  recorded: boolean;
  del: Removal;
}

/** What a DEL would do, lease and record beside the steps. */
export interface Removal {
  steps: Step[];
  /** The IPAM plugin that would be asked to release what it gave, "" for none. */
  ipam: string;
}

/** RFC 5737's first network for documentation. */
const placeholder: Result = { ips: [{ address: '192.0.2.2/24', gateway: '192.0.2.1' }] };

/**
 * What an ADD would do at this moment, found out as an ADD does and without changing anything: no lock is taken, no file
 * written, no program run. `hasPod`: whether the namespace is there; otherwise it is taken to be a new one, in which there
 * is nothing. `before`: what plugins before it in the chain would have done. Throws what an ADD would refuse with.
 */
export async function previewAdd(
  call: Call,
  { hasPod, before = [] }: { hasPod: boolean; before?: readonly Step[] },
): Promise<Preview> {
  const { plugin, request } = call;
  const config = parseConfig(plugin.config, request.config);
  const passed = plugin.chained ? passedOn(call, config) : undefined;
  if (passed !== undefined) return nothingToDo(passed);
  const ipam = delegateOf(call);
  const own = ipam === '' ? plugin.addressing?.({ request, config }) : undefined;
  if (ipam === '' && plugin.ipam !== undefined) assertExpressible(own ?? {}, request.cniVersion);
  if (!hasPod) return previewIn(call, hostRun(call), { config, ipam, own, before });
  const run = demandNetns(call);
  try {
    return await previewIn(call, run, { config, ipam, own, before });
  } finally {
    run.leave();
  }
}

interface Asked {
  config: unknown;
  ipam: string;
  /** What the configuration itself gives. */
  own: Result | undefined;
  before: readonly Step[];
}

async function previewIn(call: Call, run: Run, { config, ipam, own, before }: Asked): Promise<Preview> {
  const { plugin, request, identity } = call;
  const record = await debrisOf(call, run);
  const debris = record && removalBy(record);
  const context = { request, config, identity, ...(own && { ipam: own }) };
  const view = await lookAt(run, (known) => plugin.facts(context, known), [...before, ...(debris?.steps ?? [])]);
  plugin.refuse?.({ ...context, facts: view.facts([]) });
  const lease = ipam === '' ? undefined : await previewLease(call, ipam, debris?.ipam === ipam);
  const planned = plan(call, view, { ...context, ...(lease && { ipam: lease.result }) });
  return {
    ...planned,
    ...(debris && { debris }),
    ...(lease && { lease }),
    del: await previewDel(call, planned, ipam, run),
  };
}

const nothingToDo = ({ result, warnings }: Pick<Preview, 'result' | 'warnings'>): Preview => ({
  shared: [],
  steps: [],
  result,
  warnings,
  recorded: false,
  del: { steps: [], ipam: '' },
});

/** What a DEL of an attachment that exists would do; undefined where there is no record of one. */
export function previewRecorded({ platform, identity, plugin }: Call): Removal | undefined {
  const record = readRecord(platform, identity, plugin.type);
  return record && removalBy(record);
}

const removalBy = (record: AttachmentRecord): Removal => ({ steps: removalOf(record), ipam: record.ipam });

/** Facts that can be asked for as they would be after steps. */
interface View {
  facts(steps: readonly Step[]): Facts<Queries>;
}

async function lookAt(run: Run, ask: (known: Facts<Queries>) => Queries, before: readonly Step[]): Promise<View> {
  const asked: Record<string, Query> = {};
  const seen = await learn(run, (known) => Object.assign(asked, ask(known)));
  return {
    facts: (steps) =>
      Object.fromEntries(
        Object.entries(asked).map(([name, query]) => [
          name,
          imagine(query, seen[name] as Answers[keyof Answers], [...before, ...steps]),
        ]),
      ) as Facts<Queries>,
  };
}

type Planned = Pick<Preview, 'shared' | 'steps' | 'result' | 'warnings' | 'recorded'>;

/** As the frame plans: what is shared first, and the rest from what there is then. */
function plan({ plugin }: Call, view: View, context: Omit<AddContext<unknown, Queries>, 'facts'>): Planned {
  const planWith = (steps: readonly Step[]): Plan => plugin.add({ ...context, facts: view.facts(steps) });
  const shared = planWith([]).shared?.steps ?? [];
  const { steps, result, warnings = [] } = planWith(shared);
  return { shared, steps, result: result(imaginedOutcomes(steps)), warnings, recorded: plugin.recorded !== false };
}

/** By the record that the ADD would leave; of a plugin that keeps none by what it finds. */
async function previewDel(call: Call, { recorded, shared, steps }: Planned, ipam: string, run: Run): Promise<Removal> {
  const { plugin, request, identity } = call;
  if (recorded) return { steps: removalOf(footprintOf(steps)), ipam };
  const context = {
    request: { ...request, command: 'DEL' as const },
    config: parseConfig(plugin.config, request.config),
    identity,
  };
  const view = await lookAt(run, (known) => plugin.facts(context, known), [...shared, ...steps]);
  return { steps: plugin.del?.({ ...context, facts: view.facts([]) }) ?? [], ipam };
}

/** Addresses as the IPAM plugin would give them; `released`: as if this interface had none. */
export async function previewLease(
  { platform, request }: Pick<Call, 'platform' | 'request'>,
  type: string,
  released: boolean,
): Promise<Lease> {
  const result = await previewIpam(platform, type, request, released);
  return { type, result: usable(result ?? placeholder, type, request.cniVersion), placeholder: result === undefined };
}

/** Undefined where nobody can tell. Throws for a plugin that is none, or cannot be found. */
async function previewIpam(
  platform: Platform,
  type: string,
  request: Request,
  released: boolean,
): Promise<Result | undefined> {
  const plugin = platform.plugins.get(type);
  if (plugin === undefined) {
    findPlugin(type, request.path);
    return undefined;
  }
  if (plugin.kind !== 'ipam')
    throw new CniError(ErrorCode.invalidConfig, `"${type}" is not an IPAM plugin`, 'ipam.type');
  const config = parseConfig(plugin.config, request.config);
  const host = {
    ...hostFor(platform, request.type),
    isBusy: async () => false,
    flock: () => Promise.reject(new Error('a preview takes no lock')),
  };
  return plugin.preview?.({ request, config, host }, { released });
}
