import fc from 'fast-check';
import type { World } from '../support/world';
import { type Served, type Server, startServer } from './client';
import { expectHarmless } from './leftovers';
import { aRequest, type FuzzRequest } from './requests';
import { createScene, type Scene } from './scene';
import type { State } from './state';
import { demandAnswer } from './verdict';

export interface Campaign {
  runs: number;
  seed: number;
}

export interface Tally {
  cases: number;
  /** How many were answered with which code; 0 is success. */
  codes: Record<number, number>;
  slowestMs: number;
}

/** Codes of what can be seen to be wrong before anything is done. */
const seenBefore = [1, 3, 4, 6, 7, 8];

/** What host-local's folders and ours hold beside leases and records. */
const bookkeeping = /^file .*\/$|^file .*\/(lock|last_reserved_ip\.\d+|stamp[.\d]*) /;

/**
 * Sends `runs` requests to a server in a scene of its own. Throws what is wrong with an answer or with the world after
 * it; what only a snapshot shows (routes, rules, sysctls) is looked at in the end.
 */
export async function fuzz({ runs, seed }: Campaign): Promise<Tally> {
  const scene = await createScene();
  const tally: Tally = { cases: 0, codes: {}, slowestMs: 0 };
  const before = await scene.world.snapshot();
  let trial = await beginTrial(scene);
  try {
    const property = fc.asyncProperty(aRequest(scene), async (request) => {
      if (trial.broken) trial = await renew(scene, trial);
      await judge(trial, request, tally);
    });
    await fc.assert(property, { numRuns: runs, seed });
    await trial.server.close();
    expectHarmless(before, await scene.world.snapshot());
    return tally;
  } finally {
    await trial.server.close();
    await scene.world.close();
  }
}

/** A server, and how its world looked before the first request. */
interface Trial {
  world: World;
  server: Server;
  state: State;
  descriptors: number;
  /** After a failure: fast-check goes on with smaller cases, in a world that is as it was. */
  broken: boolean;
}

async function beginTrial(scene: Scene): Promise<Trial> {
  const server = await startServer(scene.world);
  const { state, descriptors } = await server.serve({ type: 'bridge', env: { CNI_COMMAND: 'GC' }, stdin: '' });
  return { world: scene.world, server, state: state.filter(isOfNote), descriptors, broken: false };
}

async function renew(scene: Scene, old: Trial): Promise<Trial> {
  await old.server.close();
  await clear(scene.world);
  return beginTrial(scene);
}

async function judge(trial: Trial, request: FuzzRequest, tally: Tally): Promise<void> {
  trial.broken = true;
  const served = await send(trial, request);
  const error = demandAnswer(served, request);
  const command = request.env.CNI_COMMAND;
  note(tally, error?.code ?? 0, served.ms);
  if (served.descriptors > trial.descriptors)
    throw new Error(`${served.descriptors} open files, not ${trial.descriptors}`);
  if (error === undefined && command === 'ADD') await judgeDel(trial, request);
  else if (changed(trial.state, served.state).length > 0) await judgeLeft(trial, served.state, error?.code);
  trial.broken = false;
}

function send({ server }: Trial, { type, env, stdin }: FuzzRequest): Promise<Served> {
  return server.serve({ type, env, stdin: stdin.toString('base64') });
}

/** What an ADD has attached its DEL removes. */
async function judgeDel(trial: Trial, request: FuzzRequest): Promise<void> {
  const served = await send(trial, { ...request, env: { ...request.env, CNI_COMMAND: 'DEL' } });
  const error = demandAnswer(served, request);
  if (error) throw new Error(`its DEL failed: ${served.stdout}`);
  await judgeLeft(trial, served.state, undefined);
}

/** Only an ADD that was well-formed may have made a bridge or its gateway; whatever else there is must not be. */
async function judgeLeft(trial: Trial, state: State, code: number | undefined): Promise<void> {
  if (changed(trial.state, state).length === 0) return;
  if (code !== undefined && seenBefore.includes(code)) fail(trial.state, state);
  await clear(trial.world);
  const cleared = await trial.server.serve({ type: 'bridge', env: { CNI_COMMAND: 'GC' }, stdin: '' });
  if (changed(trial.state, cleared.state).length > 0) fail(trial.state, cleared.state);
}

function fail(before: State, after: State): never {
  throw new Error(`the world has changed:\n${changed(before, after).join('\n')}`);
}

function changed(before: State, after: State): string[] {
  const now = after.filter(isOfNote);
  return [
    ...before.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
    ...now.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ];
}

/** A loopback that was up once keeps its address when it is down again, and to a file that is there a trace may be written. */
const isOfNote = (line: string): boolean =>
  !bookkeeping.test(line) && !/^link \w+ {2}lo |^file \/run\/fuzz\/file /.test(line);

/** Removes what attachments share: bridges but for the victim's, VLANs' gateways, what was given to a bridge of others. */
async function clear(world: World): Promise<void> {
  const script = `for link in $(ip -o link show type bridge | grep -o ' [^ :@]*[:@]' | tr -d ' :@'); do
    [ "$link" = br0 ] || ip link delete "$link"; done
  for link in $(ip -o link show type veth | grep -o ' [^ :@]*\\.[0-9]*@' | tr -d ' @'); do ip link delete "$link"; done
  ip link add br9 address 02:00:00:00:00:99 type bridge`;
  const { code, stderr } = await world.run('sh', ['-c', script]);
  if (code !== 0) throw new Error(`cannot clear the world: ${stderr}`);
}

function note(tally: Tally, code: number, ms: number): void {
  tally.cases += 1;
  tally.codes[code] = (tally.codes[code] ?? 0) + 1;
  tally.slowestMs = Math.max(tally.slowestMs, ms);
}
