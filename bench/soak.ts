/*
 * Pods that come and leave through the daemon for as long as it takes to see whether it keeps something of them. SOAK
 * says how many. Ends with 1 when it does, or when it was not the daemon that served them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Report } from '../lib/daemon/report';
import { createWorld, type World } from '../test/support/world';
import { type Daemon, startDaemon } from './daemon';
import { pluginNetwork } from './networks';
import { type Finding, findings, type Point, table } from './soak-findings';
import { startTimer, type Timer } from './timer';
import { traffic } from './traffic';

/** The points at which it is looked at, and how often its memory is read on the way to each. */
const POINTS = 5;
const READINGS = 5;

async function soak(world: World, daemon: Daemon, timer: Timer, pods: number): Promise<Point[]> {
  const network = pluginNetwork({ name: 'warm', world }, { name: 'soak', octet: 100, ipMasq: true });
  const churn = await traffic(world, timer, network);
  const points: Point[] = [];
  const point = async (...memory: number[]) => {
    const { rss, descriptors, threads } = await settled(daemon);
    const state = await world.snapshot();
    points.push({ pods: churn.count(), memory: [...memory, rss / 1e6], descriptors, threads, state });
  };
  // What is made once, at the first request or for the first that come at once, is there then.
  await churn.pods(1);
  await point();
  for (let index = 1; index <= POINTS; index++) {
    const memory = [];
    for (let reading = 1; reading < READINGS; reading++) {
      await churn.pods(pods / POINTS / READINGS);
      memory.push((await daemon.report({ collect: true })).rss / 1e6);
    }
    await churn.pods(pods / POINTS / READINGS);
    await point(...memory);
  }
  return points;
}

/** What the last pods had open is closed a little after they have left: reads until it stays the same. */
async function settled(daemon: Daemon): Promise<Report> {
  for (let before: Report | undefined; ; await sleep(200)) {
    const report = await daemon.report({ collect: true });
    if (report.descriptors === before?.descriptors && report.threads === before.threads) return report;
    before = report;
  }
}

const verdict = ({ held, what }: Finding): string => `${held ? 'PASS' : 'MISS'}  ${what}`;

async function main(): Promise<void> {
  const pods = Number(process.env.SOAK || 10_000);
  const world = await createWorld();
  const timer = await startTimer(world);
  let daemon: Daemon | undefined;
  try {
    daemon = await startDaemon(world);
    const points = await soak(world, daemon, timer, pods);
    const found = findings(points, await daemon.report());
    console.log(`${table(points)}\n\n${found.map(verdict).join('\n')}`);
    if (found.some(({ held }) => !held)) process.exitCode = 1;
  } finally {
    timer.stop();
    await daemon?.stop();
    await world.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
