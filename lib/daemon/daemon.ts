import type { Native } from '../kernel/contract';
import type { Platform } from '../plugin/platform';
import { restoreAll } from '../plugin/restore';
import { untraced } from '../plugin/trace';
import { newAfterwards } from './afterwards';
import { newConfigurations } from './configurations';
import { conversations, type Host } from './conversation';
import { reasonToDecline, type Self } from './decline';
import { newFailures } from './failures';
import { newLanes } from './lanes';
import { type Address, demandUnused } from './listen';
import { type Log, namesOf } from './log';
import { type Metrics, newMetrics } from './metrics';
import { newRecipes } from './recipes';
import type { LaunchedRequest } from './request';
import { type Served, serve } from './serve';
import { collectGarbage, usage } from './usage';

/** Connections beyond these are closed at once, and their launchers run cold. */
const room = 1024;

/** How long somebody may be silent who has connected, and a launcher whose request was claimed. Milliseconds. */
const patienceMs = 10_000;

export interface DaemonOptions {
  address: Address;
  self: Self;
  platform: Platform;
  log: Log;
  /** Whether another build has been installed in place of this one. */
  isOutdated(): boolean;
  /** Runs `work`; what it creates is nobody else's to use. */
  privately(work: () => void): void;
}

export interface Daemon {
  metrics: Metrics;
  /** Takes no further requests, and finishes those that it has. */
  drain(why: string): void;
  /** Resolves when the last of them is over. */
  drained: Promise<void>;
}

/** Serves launchers until it is told to drain. Rejects when it cannot listen. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { self, platform, log } = options;
  const lanes = newLanes(platform);
  const metrics = newMetrics({ build: self.build, ...lanes });
  const failures = newFailures();
  const afterwards = newAfterwards();
  const decode = newConfigurations();
  const since = Date.now();
  const { kernel } = platform;
  const recipes = newRecipes(kernel);
  const shift = newShift(log, kernel);

  const host: Host = {
    judge(request, isClaimed) {
      lanes.arrived();
      request.config = decode(request.stdin);
      const reason = shift.ending() && !isClaimed ? 'draining' : reasonFor(request);
      if (reason === undefined) shift.begin();
      // One that a recipe has claimed was the shift's until now.
      else if (isClaimed) shift.check();
      else log.info({ ...namesOf(request), reason }, 'declined');
      metrics.judged(reason);
      if (reason === 'build' && options.isOutdated()) shift.end('another build is installed');
      return reason;
    },
    async serve(request, givenUp, hungUp) {
      if (givenUp === 'table') await restoreAll(platform, { kernel, where: {}, hasPod: false, trace: untraced });
      const began = performance.now();
      const served = await lanes.enter(request, (manners) => serve(request, platform, lanes, manners, hungUp));
      const seconds = (performance.now() - began) / 1000;
      // The runtime gets its answer first.
      setImmediate(afterwards.push, () => {
        note(request, served, seconds, givenUp && `given up: ${givenUp}`);
        if (served.added && served.stderr === '') recipes.learn(request, served.added, givenUp);
      });
      return served;
    },
    done(request, steps, seconds) {
      lanes.replayed();
      shift.check();
      afterwards.push(() => {
        metrics.judged(undefined);
        metrics.replayed();
        note(
          request,
          { answer: { exitCode: 0, stdout: '', release: () => {} }, stderr: '', steps },
          seconds,
          'followed',
        );
      });
    },
    over: shift.over,
    withdrawn: () => metrics.unserved('withdrawn'),
    refused(complaint) {
      metrics.refused();
      log.warn({ complaint }, 'refused');
    },
    async report(collect) {
      if (collect) collectGarbage();
      afterwards.catchUp();
      const uptime = (Date.now() - since) / 1000;
      const [running, waiting] = [lanes.running(), lanes.waiting()];
      return {
        build: self.build,
        uptime,
        ...usage(),
        running,
        waiting,
        ...(await metrics.counts()),
        failures: failures.latest(),
      };
    },
  };

  /** What is on record cannot be read: the caller's own process says so to its runtime. */
  function reasonFor(request: LaunchedRequest): string | undefined {
    try {
      return reasonToDecline(request, self, platform);
    } catch (error) {
      log.warn({ ...namesOf(request), error: (error as Error).message }, 'state');
      return 'state';
    }
  }

  /** `recipe`: what became of one that there was for it, "" for none. */
  function note(request: LaunchedRequest, { answer, steps }: Served, seconds: number, recipe: string): void {
    const names = namesOf(request);
    const failure = answer?.exitCode === 1 ? failures.note(names, answer.stdout) : undefined;
    if (answer) metrics.served({ ...names, failed: failure !== undefined, seconds });
    else metrics.unserved('foreign');
    const ms = Math.round(seconds * 1e6) / 1000;
    const outcome = answer ? (failure ?? { outcome: 'done' }) : { outcome: 'left to a process of its own' };
    log.info({ ...names, steps, ms, ...(recipe && { recipe }), ...outcome }, 'request');
  }

  if ('path' in options.address) await demandUnused(options.address.path);
  options.privately(() => kernel.openDoor({ ...options.address, room, patienceMs }, conversations(kernel, host)));
  return {
    metrics: {
      ...metrics,
      text() {
        afterwards.catchUp();
        return metrics.text();
      },
    },
    drain: shift.end,
    drained: shift.ended.then(afterwards.catchUp),
  };
}

/** The requests that are ours to answer for, from the claim to the launcher's end. */
function newShift(log: Log, { closeDoor, replaying }: Pick<Native, 'closeDoor' | 'replaying'>) {
  let claimed = 0;
  let ending = false;
  let resolve = (): void => {};
  const ended = new Promise<void>((resolved) => {
    resolve = resolved;
  });
  const check = (): void => {
    if (ending && claimed + replaying() === 0) resolve();
  };
  return {
    ended,
    check,
    ending: () => ending,
    begin: () => {
      claimed += 1;
    },
    over: () => {
      claimed -= 1;
      check();
    },
    end(why: string) {
      if (ending) return;
      ending = true;
      log.info({ claimed, why }, 'draining');
      closeDoor();
      check();
    },
  };
}
