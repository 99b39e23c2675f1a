import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type HeldDaemon, startHeldDaemon } from './held-daemon';
import { type ChangingCall, stops } from './kill-at';
import { brief } from './kill-rounds';
import type { CniAnswer, CniCall } from './plugins';
import type { World } from './world';

/** Who is killed while a daemon serves a call. */
export type Victim = 'daemon' | 'launcher' | 'both';

/** A call that a daemon serves, and what is done and found once somebody was killed. */
export interface WarmRound {
  type: string;
  call: CniCall;
  victim: Victim;
  /** Done with each daemon first. */
  before?: (daemon: HeldDaemon) => Promise<void>;
  /** Done when a call has ended that nobody was killed in. */
  undisturbed?: (daemon: HeldDaemon) => Promise<unknown>;
  /** Done while the daemon stands still and nobody is killed yet; not before its claim, for which launchers do not wait long. */
  held?: (at: ChangingCall) => Promise<void>;
  /** `answer` is the runtime's, if the launcher was not killed. Puts the world back to where the next round begins. */
  look: (at: ChangingCall, answer: CniAnswer) => Promise<void>;
}

/**
 * Kills before the first call that a daemon makes for a request, before its second, … until it makes no more: whatever
 * changes something, and its words to the launcher. Returns those calls.
 */
export async function killWarmAtEveryCall(world: World, round: WarmRound): Promise<ChangingCall[]> {
  const hit: ChangingCall[] = [];
  const start = async (nth: number): Promise<HeldDaemon> => {
    const daemon = await startHeldDaemon(world, nth);
    await round.before?.(daemon);
    return daemon;
  };
  let daemon = await start(1);
  for (;;) {
    const at = await killWarm(daemon, round);
    if (at === null) return hit;
    hit.push(at);
    if (round.victim !== 'launcher') daemon = await start(hit.length + 1);
  }
}

/** Kills once, where the daemon stands still. Null when it does not, and has ended in good order. */
export async function killWarm(
  daemon: HeldDaemon,
  { type, call, victim, undisturbed, held, look }: WarmRound,
): Promise<ChangingCall | null> {
  const { calling, at } = await daemon.hold(type, call);
  if (at === null) {
    expect(await calling.ended, 'the call that nobody disturbs').to.include({ code: 0 });
    await undisturbed?.(daemon);
    await endHeldDaemon(daemon);
    return null;
  }
  await held?.(at);
  if (victim !== 'daemon') process.kill(calling.pid, 'SIGKILL');
  if (victim !== 'launcher') process.kill(daemon.self, 'SIGKILL');
  if (victim === 'launcher') await calling.ended;
  daemon.resume();
  const answer = await calling.ended;
  await settle(daemon, victim);
  await named(at, () => look(at, answer));
  return at;
}

/** Waits until the daemon is gone, or has nothing to do. */
async function settle(daemon: HeldDaemon, victim: Victim): Promise<void> {
  if (victim !== 'launcher') expect((await daemon.ended).code, 'end of the daemon').to.equal(137);
  else while ((await daemon.report()).running > 0) await sleep(5);
}

export async function endHeldDaemon(daemon: HeldDaemon): Promise<void> {
  process.kill(daemon.self, 'SIGTERM');
  // It removes its socket, which may be the call that it is to stand still before.
  if (await Promise.race([stops(() => daemon.pid), daemon.ended.then(() => false)])) daemon.resume();
  expect(await daemon.ended).to.deep.equal({ code: 0, signal: null, stderr: '' });
}

async function named(at: ChangingCall, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    (error as Error).message = `killed at call ${at.index}, ${brief(at)}: ${(error as Error).message}`;
    throw error;
  }
}
