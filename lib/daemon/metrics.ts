import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Counter, Gauge, Registry, Summary } from 'prom-client';
import { coldFolder } from './protocol';

/** One request, served. */
export interface Measured {
  command: string;
  plugin: string;
  failed: boolean;
  /** From "go" to the answer. */
  seconds: number;
}

/** What is counted, once for people (`trestle daemon status`) and for Prometheus. */
export interface Metrics {
  /** A request was claimed, or declined for a reason. */
  judged(reason: string | undefined): void;
  /** "withdrawn": the launcher did not wait; "foreign": it had to be finished by a process of its own. */
  unserved(reason: string): void;
  served(request: Measured): void;
  /** A request that was claimed was done by a recipe. */
  replayed(): void;
  /** Connections that were none of a launcher's. */
  refused(): void;
  counts(): Promise<Counts>;
  /** Prometheus' text format. */
  text(): Promise<string>;
  contentType: string;
}

export interface Counts {
  claimed: number;
  /** Of these, done by a recipe. */
  replayed: number;
  declined: Record<string, number>;
  unserved: Record<string, number>;
  refused: number;
  /** Why launchers ran cold although there is a daemon, as they have counted themselves since the node was started. */
  cold: Record<string, number>;
  requests: RequestCounts[];
}

export interface RequestCounts {
  command: string;
  plugin: string;
  count: number;
  failed: number;
  /** Milliseconds. */
  p50: number;
  p90: number;
  p99: number;
}

/** What is true at the moment of asking. */
export interface Gauges {
  build: string;
  running(): number;
  waiting(): number;
}

const commands: readonly string[] = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'];

export function newMetrics(gauges: Gauges): Metrics {
  const registry = new Registry();
  const common = { registers: [registry] };
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter({ ...common, name: `trestle_${name}`, help, labelNames: [...labelNames] });
  let claimed = 0;
  const claims = new Counter({
    ...common,
    name: 'trestle_claimed_total',
    help: 'requests that were claimed',
    // Counted while a launcher waits, where a plain number takes least.
    collect() {
      this.reset();
      this.inc(claimed);
    },
  });
  const declined = counter('declined_total', 'requests that were declined, by reason', ['reason']);
  const unserved = counter('unserved_total', 'claimed requests that a cold process finished, by reason', ['reason']);
  const replayed = counter('replayed_total', 'claimed requests that were done by a recipe');
  const refused = counter('refused_total', "connections that were no launcher's");
  const failed = counter('failed_total', 'requests that were answered with an error', ['command', 'plugin']);
  const seconds = new Summary({
    ...common,
    name: 'trestle_request_seconds',
    help: 'time from the launcher\'s "go" to the answer',
    labelNames: ['command', 'plugin'],
    percentiles: [0.5, 0.9, 0.99],
  });
  gauge(registry, 'running', 'requests that are being served', gauges.running);
  gauge(registry, 'waiting', 'requests that wait for their turn', gauges.waiting);
  coldGauge(registry);
  new Gauge({ ...common, name: 'trestle_build_info', help: 'the build that runs', labelNames: ['build'] }).set(
    { build: gauges.build },
    1,
  );
  return {
    judged(reason) {
      if (reason === undefined) claimed += 1;
      else declined.inc({ reason });
    },
    unserved: (reason) => unserved.inc({ reason }),
    replayed: () => replayed.inc(),
    refused: () => refused.inc(),
    served({ plugin, ...request }) {
      const labels = { command: commands.includes(request.command) ? request.command : 'other', plugin };
      seconds.observe(labels, request.seconds);
      if (request.failed) failed.inc(labels);
    },
    counts: async () => ({
      claimed: await total(claims),
      replayed: await total(replayed),
      declined: await byReason(declined),
      unserved: await byReason(unserved),
      refused: await total(refused),
      cold: coldCounts(),
      requests: requestCounts((await seconds.get()).values, (await failed.get()).values),
    }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function gauge(registry: Registry, name: string, help: string, now: () => number): void {
  new Gauge({
    registers: [registry],
    name: `trestle_${name}`,
    help,
    collect() {
      this.set(now());
    },
  });
}

function coldGauge(registry: Registry): void {
  new Gauge({
    registers: [registry],
    name: 'trestle_cold',
    help: 'requests that launchers served by a cold process although there is a daemon, since the node was started',
    labelNames: ['reason'],
    collect() {
      for (const [reason, count] of Object.entries(coldCounts())) this.set({ reason }, count);
    },
  });
}

/** Launchers add a byte each time. */
function coldCounts(): Record<string, number> {
  try {
    return Object.fromEntries(
      readdirSync(coldFolder).map((reason) => [reason, statSync(join(coldFolder, reason)).size]),
    );
  } catch {
    return {};
  }
}

interface Sample {
  value: number;
  labels: Partial<Record<string, string | number>>;
  metricName?: string;
}

async function total(counter: Counter): Promise<number> {
  return (await counter.get()).values[0]?.value ?? 0;
}

async function byReason(counter: Counter<'reason'>): Promise<Record<string, number>> {
  return Object.fromEntries((await counter.get()).values.map(({ labels, value }) => [labels.reason, value]));
}

function requestCounts(summary: readonly Sample[], failures: readonly Sample[]): RequestCounts[] {
  return summary
    .filter(({ metricName }) => metricName?.endsWith('_count'))
    .map(({ value: count, labels: { command = '', plugin = '' } }) => {
      const same = ({ labels }: Sample) => labels.command === command && labels.plugin === plugin;
      const quantile = (part: number) =>
        1000 * (summary.find((one) => same(one) && one.labels.quantile === part)?.value ?? 0);
      return {
        command: String(command),
        plugin: String(plugin),
        count,
        failed: failures.find(same)?.value ?? 0,
        p50: quantile(0.5),
        p90: quantile(0.9),
        p99: quantile(0.99),
      };
    });
}
