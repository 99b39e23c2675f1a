/*
 * What a node's user waits for: pods started and stopped by containerd, on the reference's plugins and on Trestle's without and
 * with its daemon, by turns. POD_ROUNDS says how often 20 pods are measured, one after another and at once. Ends with 1 when a call fails or
 * leaves something.
 */
import { loadavg, release } from 'node:os';
import { ask } from '../lib/daemon/ask';
import { bridge, type KubeNode, startKubeNode } from '../test/clients/support/kube-node';
import { daemonSocket } from '../test/support/daemon';
import { ranges } from '../test/support/network';
import { referencePlugins } from '../test/support/plugins';
import { PATH } from '../test/support/run';
import type { Snapshot } from '../test/support/snapshot';
import { answering } from './daemon';
import { type Samples, table } from './report';

const PODS = 20;
const names = Array.from({ length: PODS }, (_, index) => `pod${index}`);
const contenders = ['reference', 'cold', 'warm'] as const;
type Contender = (typeof contenders)[number];
const calls = ['RunPodSandbox', 'StopPodSandbox'] as const;
type Call = (typeof calls)[number];
const orders = [`one of ${PODS} pods, one after another`, `all of ${PODS} pods at once`] as const;
type Order = (typeof orders)[number];

interface Entrant {
  node: KubeNode;
  /** Without pods. */
  empty: Snapshot;
}

async function prepare(contender: Contender): Promise<Entrant> {
  const node = await startKubeNode();
  try {
    if (contender !== 'reference') await node.machine.install();
    else await node.machine.world.run('cp', ['-a', `${referencePlugins}/.`, '/opt/cni/bin']);
    if (contender === 'warm') await startDaemon(node);
    await node.configure('bench', [bridge(ranges.ipv4)]);
    return { node, empty: await node.withoutPods() };
  } catch (error) {
    await node.close();
    throw error;
  }
}

/** A warning keeps its log short; it ends with the machine. */
async function startDaemon({ machine }: KubeNode): Promise<void> {
  machine.start('/opt/cni/bin/trestle', ['daemon', '--log-level', 'warn'], { PATH });
  await answering(machine.world.path(daemonSocket));
}

/** A call that was meant to be warm and was not would count for the wrong contender. Answers with how many were by recipe, in words. */
async function expectWarm({ machine }: KubeNode): Promise<string> {
  const { claimed, replayed, requests, declined, cold } = await ask(machine.world.path(daemonSocket), false);
  const others = { ...declined, ...cold };
  if (claimed === 0 || Object.keys(others).length > 0)
    throw new Error(
      `of the warm calls ${claimed} were served by the daemon, and others not: ${JSON.stringify(others)}`,
    );
  const adds = requests.find(({ command, plugin }) => command === 'ADD' && plugin === 'bridge')?.count;
  return `of ${adds} warm ADDs of bridge ${replayed} were done by a recipe`;
}

/** Milliseconds by call: of each pod, or of all of them until the last is done. The first has PodSandboxStatus in it. */
async function measure({ node, empty }: Entrant, order: Order): Promise<Record<Call, number[]>> {
  const { kubelet, containerd } = node;
  const start = async (name: string) => (await kubelet.sandbox(name)).id;
  const stop = (podSandboxId: string) => containerd.cri.call('StopPodSandbox', { podSandboxId });
  const each = order === orders[0] ? oneAfterAnother : atOnce;
  const started = await each(names, start);
  const stopped = await each(started.results, stop);
  await node.removePods();
  await node.expectNothingLeft(empty);
  return { RunPodSandbox: started.ms, StopPodSandbox: stopped.ms };
}

interface Timed<R> {
  results: R[];
  ms: number[];
}

async function oneAfterAnother<T, R>(items: T[], task: (item: T) => Promise<R>): Promise<Timed<R>> {
  const timed: Timed<R> = { results: [], ms: [] };
  for (const item of items) {
    const before = performance.now();
    timed.results.push(await task(item));
    timed.ms.push(performance.now() - before);
  }
  return timed;
}

async function atOnce<T, R>(items: T[], task: (item: T) => Promise<R>): Promise<Timed<R>> {
  const before = performance.now();
  const results = await Promise.all(items.map(task));
  return { results, ms: [performance.now() - before] };
}

async function measureAll(entrants: Map<Contender, Entrant>, rounds: number): Promise<Samples[]> {
  const samples: Samples[] = [];
  for (const name of orders) {
    for (const what of calls) for (const contender of contenders) samples.push({ name, what, contender, ms: [] });
  }
  for (let round = 0; round < rounds; round++) {
    for (const name of orders) {
      for (const [contender, entrant] of entrants) {
        const times = await measure(entrant, name);
        const here = samples.filter((one) => one.name === name && one.contender === contender);
        for (const what of calls) here.find((one) => one.what === what)?.ms.push(...times[what]);
      }
    }
  }
  return samples;
}

async function main(): Promise<void> {
  const rounds = Number(process.env.POD_ROUNDS ?? 3);
  console.log(`kernel ${release()}, load ${(loadavg()[0] ?? 0).toFixed(1)}, ${rounds} rounds\n`);
  const entrants = new Map<Contender, Entrant>();
  try {
    for (const contender of contenders) entrants.set(contender, await prepare(contender));
    console.log(table(await measureAll(entrants, rounds)));
    for (const [contender, { node }] of entrants) if (contender === 'warm') console.log(await expectWarm(node));
  } finally {
    for (const { node } of entrants.values()) await node.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
