import { parseConfig } from '../cni/config';
import { assertExpressible, printResult } from '../cni/convert';
import { CniError, ErrorCode } from '../cni/errors';
import type { Result } from '../cni/result';
import type { KernelFault, Outcome } from '../kernel/contract';
import { type Call, demandCaller, demandNetns, hostRun, type PodRun } from './call';
import { debrisOf } from './debris';
import type { AddContext, Plan, Queries } from './define';
import { footprintOf } from './footprint';
import { callIpam, ipamType } from './ipam';
import { applyOrUndo, applyShared, learn, type Run, StepError, undo } from './kernel-run';
import { lockAttachment, withAttachmentLock, withSharedLock } from './locks';
import { type AttachmentRecord, amendRecord, readRecord, removeRecord, writeRecord } from './records';
import { restoreLost, restoreOthers } from './restore';
import { asDel, teardown } from './teardown';

/**
 * ADD: everything or nothing. Returns the result as the configuration's version prints it, and keeps the attachment
 * locked until `release` is called.
 */
export async function add(call: Call): Promise<{ stdout: string; release: () => void }> {
  const { plugin, request, identity, platform } = call;
  const config = parseConfig(plugin.config, request.config);
  const passed = plugin.chained ? passedOn(call, config) : undefined;
  if (passed !== undefined) {
    for (const warning of passed.warnings) call.platform.warn(warning);
    await restoreLost(call);
    return { stdout: printResult(passed.result, request.cniVersion), release: () => {} };
  }
  const ipam = delegateOf(call);
  const own = ipam === '' ? plugin.addressing?.({ request, config }) : undefined;
  if (ipam === '' && plugin.ipam !== undefined) assertExpressible(own ?? {}, request.cniVersion);
  const run = await enterPod(call);
  let unlock = (): void => {};
  const release = (): void => {
    unlock();
    run.leave();
  };
  try {
    unlock = await lockAttachment(platform, identity, plugin.type);
    await clearDebris(call, run);
    const context = { request, config, identity, facts: {}, ...(own && { ipam: own }) };
    const facts = await learn(run, (known) => plugin.facts(context, known));
    const attempt: Attempt = { call, run, ipam, leased: false, left: [], context: { ...context, facts } };
    plugin.refuse?.(attempt.context);
    demandCaller(call);
    return { stdout: await attach(attempt), release };
  } catch (error) {
    release();
    throw error;
  }
}

/** Where there is no pod any more, what this very request has begun by a recipe, before its caller left, is taken back. */
async function enterPod(call: Call): Promise<PodRun> {
  const { platform, identity, plugin } = call;
  try {
    return demandNetns(call);
  } catch (error) {
    const begun = () => {
      const record = platform.token === undefined ? undefined : readRecord(platform, identity, plugin.type);
      return record?.token === platform.token ? record : undefined;
    };
    if (begun())
      await withAttachmentLock(platform, identity, plugin.type, async () => {
        const record = begun();
        if (record) await teardown(call, hostRun(call), record);
      });
    throw error;
  }
}

interface PassedOn {
  result: Result;
  warnings: string[];
}

/** prevResult, where a chained plugin has nothing to do; undefined where it has. Code 7 where there is none. */
export function passedOn({ plugin, request }: Call, config: unknown): PassedOn | undefined {
  const { prevResult } = request;
  if (prevResult === undefined)
    throw new CniError(ErrorCode.invalidConfig, `${plugin.type} must be called as chained plugin`);
  const warnings = plugin.idle?.({ request, config });
  return warnings && { result: prevResult, warnings };
}

/** Of an earlier ADD of this attachment, if there was one. */
async function clearDebris(call: Call, run: Run): Promise<void> {
  const debris = await debrisOf(call, run);
  if (debris) await teardown(call, run, debris);
}

/** An ADD on its way. */
interface Attempt {
  call: Call;
  run: Run;
  /** The delegate's type, "" for none. */
  ipam: string;
  leased: boolean;
  /** What could not be undone after the steps themselves had succeeded. */
  left: KernelFault[];
  context: AddContext<unknown, Queries>;
}

/** Which IPAM plugin the configuration asks for, as far as this plugin delegates at all. Code 7 where it must and cannot. */
export function delegateOf({ plugin, request }: Call): string {
  if (plugin.ipam === undefined) return '';
  const type = ipamType(request.config);
  if (type === '' && plugin.ipam === 'required') {
    throw new CniError(
      ErrorCode.invalidConfig,
      `${plugin.type} requires an IPAM configuration`,
      'ipam.type is missing',
    );
  }
  return type;
}

async function look(attempt: Attempt): Promise<void> {
  const { call, run, context } = attempt;
  attempt.context = { ...context, facts: await learn(run, (known) => call.plugin.facts(context, known)) };
}

/** From here on something changes: a record of it is written first, and every failure takes back what was done. */
async function attach(attempt: Attempt): Promise<string> {
  const { call } = attempt;
  const record = newRecord(attempt);
  const { platform, plugin } = call;
  const isRecorded = plugin.recorded !== false;
  try {
    if (isRecorded) writeRecord(platform, record);
    await lease(attempt);
    demandCaller(call);
    const made = await carryOut(attempt, (changes) => {
      if (isRecorded) amendRecord(platform, record, { ...changes, noted: platform.now() });
    });
    platform.added?.({ ...attempt, ...made, record });
    return made.printed;
  } catch (error) {
    throw await takeBack(attempt, record, error);
  }
}

/** An ADD that has succeeded, and what led to it. */
export interface Added extends Pick<Attempt, 'call' | 'ipam' | 'context'> {
  /** As it was begun. */
  record: AttachmentRecord;
  plan: Plan;
  outcomes: readonly Outcome[];
  /** What the runtime gets. */
  printed: string;
}

/** Adds what is new to the attachment's record, if it keeps one. */
type Note = (changes: Partial<AttachmentRecord>) => void;

/**
 * Asks the delegate for addresses. One whose answer cannot be read has allocated all the same and is to be undone; one
 * that refused has not, and the lease that it may have refused over is somebody's.
 */
async function lease(attempt: Attempt): Promise<void> {
  const { call, ipam } = attempt;
  if (ipam === '') return;
  try {
    const result = await callIpam(call, ipam, call.request);
    attempt.leased = true;
    attempt.context = { ...attempt.context, ipam: usable(result, ipam, call.request.cniVersion) };
  } catch (error) {
    if (error instanceof CniError && error.code === ErrorCode.decode) attempt.leased = true;
    throw error;
  }
}

/** A delegate's answer, if it is one that an ADD can go on with. Code 6, 999 or 7 otherwise. */
export function usable(result: Result | undefined, type: string, cniVersion: string): Result {
  if (result === undefined) throw new CniError(ErrorCode.decode, `IPAM plugin "${type}" gave no result`);
  if (!result.ips?.length) throw new CniError(ErrorCode.internal, 'IPAM plugin returned missing IP config');
  assertExpressible(result, cniVersion);
  return result;
}

/** Plans, makes the shared things, then this pod's own, and prints the result. */
async function carryOut(attempt: Attempt, note: Note): Promise<Pick<Added, 'plan' | 'outcomes' | 'printed'>> {
  const { call, run } = attempt;
  const plan = await prepareShared(attempt);
  for (const warning of plan.warnings ?? []) call.platform.warn(warning);
  note(footprintOf(plan.steps));
  const outcomes = await applyOrUndo(run, plan.steps);
  try {
    if (outcomes.some(({ madeTable }) => madeTable)) await restoreOthers(call);
    const printed = printResult(plan.result(outcomes), call.request.cniVersion);
    demandCaller(call);
    note({ state: 'complete' });
    return { plan, outcomes, printed };
  } catch (error) {
    attempt.left = await undo(run, plan.steps, outcomes);
    throw error;
  }
}

/**
 * Brings about what this attachment shares with others and returns the plan for the rest. Usually nothing is missing
 * and no lock is taken; otherwise the facts are read and the plan is made again under it, before and after.
 */
async function prepareShared(attempt: Attempt): Promise<Plan> {
  const { call, run } = attempt;
  const plan = call.plugin.add(attempt.context);
  if (plan.shared === undefined || plan.shared.steps.length === 0) return plan;
  return withSharedLock(call.platform, plan.shared.lock, async () => {
    await look(attempt);
    await applyShared(run, call.plugin.add(attempt.context).shared?.steps ?? []);
    await look(attempt);
    return call.plugin.add(attempt.context);
  });
}

function newRecord({ call, ipam }: Attempt): AttachmentRecord {
  const { identity, request, platform, plugin } = call;
  return {
    version: 1,
    bootId: platform.bootId,
    state: 'incomplete',
    noted: platform.now(),
    type: plugin.type,
    network: identity.network,
    containerId: identity.containerId,
    ifname: identity.ifname,
    netns: request.netns,
    ipam,
    config: request.config,
    links: [],
    elements: [],
    ...(platform.token !== undefined && { token: platform.token }),
  };
}

/**
 * After a failure: the kernel's part is undone already, so the lease goes, and the record last. What cannot be undone
 * leaves the record standing, incomplete, for the next ADD or DEL (and the lease, while a link may bear its address),
 * and is told together with the failure itself.
 */
async function takeBack(attempt: Attempt, record: AttachmentRecord, error: unknown): Promise<unknown> {
  const { call } = attempt;
  const { platform, request } = call;
  const faults = error instanceof StepError ? error.left : attempt.left;
  const left = faults.map(({ op, message }) => `${op}: ${message}`);
  try {
    if (left.length === 0 && attempt.leased) await callIpam(call, attempt.ipam, asDel(request, record));
    if (left.length === 0) removeRecord(platform, record, record.type);
  } catch (second) {
    left.push(`release the address: ${(second as Error).message}`);
  }
  if (left.length > 0) platform.warn(`left for the next ADD or DEL to clear: ${left.join('; ')}`);
  return error;
}
