import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { none, partsOf, whole } from '../support/attachment-parts';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping } from '../support/leftovers';
import { bridgeNetwork, succeed } from '../support/network';
import { cniWaiting } from '../support/waiting';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork({ cniVersion: '1.1.0', ipMasq: true });
const rounds = 2;
const pods = Array.from({ length: 20 }, (_, index) => `c${index}`);

/** A runtime that collects garbage while it adds and deletes pods, and lists those whose ADD it has heard the end of. */
interface Runtime {
  results: Map<string, object>;
  /** Pods that a GC may have taken: theirs had ended when it began, and its list was made before that was heard. */
  unheard: Set<string>;
  adding: boolean;
}

describe('A runtime that calls GC again and again while it adds and deletes pods', function () {
  this.timeout(120_000);

  let world: World;
  let runtime: Runtime;

  before(async () => {
    world = await createWorld();
    for (const pod of pods) await world.addPod(pod);
    await call('c0', 'ADD');
    await call('c0', 'DEL');
  });

  after(() => world.close());

  const call = (containerId: string, command: string, more = {}) =>
    succeed(world, 'bridge', {
      command,
      containerId,
      netns: `/run/netns/${containerId}`,
      config: { ...config, ...more },
    });

  async function add(pod: string): Promise<void> {
    runtime.results.set(pod, await call(pod, 'ADD'));
  }

  async function remove(pod: string): Promise<void> {
    runtime.results.delete(pod);
    await call(pod, 'DEL');
    runtime.unheard.delete(pod);
  }

  /** Every pod is added, every second one deleted, and every fourth added once more. */
  async function live(pod: string, index: number): Promise<void> {
    await add(pod);
    if (index % 2 === 0) await remove(pod);
    if (index % 4 === 0) await add(pod);
  }

  async function collect(): Promise<void> {
    const waiting = await cniWaiting(world, 'bridge', { command: 'GC', config });
    const began = Date.now();
    // The answers that are on their way arrive.
    await sleep(100);
    const valid = [...runtime.results.keys()].map((containerID) => ({ containerID, ifname: 'eth0' }));
    for (const pod of endedBefore(began)) if (!runtime.results.has(pod)) runtime.unheard.add(pod);
    expect(await waiting.give({ ...config, 'cni.dev/valid-attachments': valid })).to.include({ code: 0, stdout: '' });
  }

  /** The pods whose ADD had noted its end by then. */
  function endedBefore(time: number): string[] {
    const folder = world.path('/run/trestle/attachments');
    const records = readdirSync(folder).flatMap((name) => recordIn(`${folder}/${name}`) ?? []);
    return records
      .filter(({ state, noted }) => state === 'complete' && noted <= time)
      .map(({ containerId }) => containerId);
  }

  async function playRound(): Promise<void> {
    runtime = { results: new Map(), unheard: new Set(), adding: true };
    const collecting = async () => {
      while (runtime.adding) await collect();
    };
    const living = Promise.all(pods.map(live)).finally(() => {
      runtime.adding = false;
    });
    await Promise.all([living, collecting()]);
  }

  async function expectWhole(): Promise<void> {
    const state = await world.snapshot();
    const checks = pods.map(async (pod) => {
      const parts = partsOf(state, pod);
      const prevResult = runtime.results.get(pod);
      const expected = runtime.unheard.has(pod) && !parts.link ? none : whole;
      expect(parts, pod).to.deep.equal(prevResult === undefined ? none : expected);
      if (parts.link) await call(pod, 'CHECK', { prevResult });
    });
    await Promise.all(checks);
  }

  for (let round = 1; round <= rounds; round++) {
    it(`finds each of them whole, the deleted ones gone, and nothing else (round ${round})`, async () => {
      const before = await world.snapshot();
      await playRound();
      await expectWhole();
      await Promise.all(pods.map((pod) => call(pod, 'DEL')));
      expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
    });
  }
});

/** Undefined for one that is being written or was just removed. */
function recordIn(path: string): { state: string; noted: number; containerId: string } | undefined {
  try {
    const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
    return Object.assign({}, ...lines.map((line) => JSON.parse(line)));
  } catch {
    return undefined;
  }
}
