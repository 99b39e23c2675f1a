import { ask } from '../../daemon/ask';
import { daemonSocket } from '../../daemon/protocol';
import type { Report } from '../../daemon/report';
import { type CommandCall, CommandError, flag, value } from '../command';

/** Asks a running daemon how it does, and prints that. */
export async function tellStatus(call: CommandCall): Promise<number> {
  const path = value(call, 'socket') ?? daemonSocket;
  const report = await ask(path, flag(call, 'collect')).catch((error: Error) => {
    throw new CommandError(`no daemon answers on ${path}: ${error.message}`);
  });
  call.around.out(flag(call, 'json') ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
  return 0;
}

function describe(report: Report): string {
  const { build, uptime, rss, threads, descriptors, running, waiting } = report;
  const lines = [
    `build ${build}, up for ${Math.round(uptime)} s, ${Math.round(rss / 2 ** 20)} MiB, ${threads} threads, ${descriptors} descriptors`,
    `requests: ${report.claimed} claimed (${report.replayed} by recipe), ${running} running, ${waiting} waiting`,
    ...reasons('declined', report.declined),
    ...reasons('claimed, and finished by a process of their own', report.unserved),
    ...reasons('not asked in vain: plugins did without the daemon', report.cold),
    ...requestTable(report),
    ...report.failures.map(
      ({ at, command, plugin, container, pod, msg }) =>
        `${at} ${command} ${plugin} ${[container, pod].filter(Boolean).join(' ')}: ${msg}`,
    ),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function reasons(what: string, counts: Readonly<Record<string, number>>): string[] {
  const told = Object.entries(counts).map(([reason, count]) => `${count} ${reason}`);
  return told.length === 0 ? [] : [`${what}: ${told.join(', ')}`];
}

function requestTable({ requests }: Report): string[] {
  if (requests.length === 0) return [];
  const rows = requests.map(({ command, plugin, count, failed, p50, p90, p99 }) => [
    `${command} ${plugin}`,
    String(count),
    String(failed),
    ...[p50, p90, p99].map((ms) => ms.toFixed(1)),
  ]);
  const table = [['', 'requests', 'failed', 'p50 ms', 'p90 ms', 'p99 ms'], ...rows];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  return table.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
}
