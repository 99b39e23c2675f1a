import { isWarm, type Tally, tallied } from '../support/warm';

/** Files whose requests all need a plugin of somebody else's: the daemon is to decline them, every one. */
const foreign = ['delegate.test.ts'];

/**
 * A launcher does not wait for a daemon for more than a quarter of a second, which a machine that runs dozens of processes
 * at once may exceed. Of a hundred calls so many may be cold for that.
 */
const overloaded = 25;

/*
 * At the end of `make test-warm` it is told how the plugins' calls were served. Where the daemon served none, or launchers
 * did without it by accident, the run has failed: the tests assert nothing of it.
 */
after(() => {
  if (!isWarm) throw new Error('TRESTLE_DRIVER is not "daemon": nothing was served warm');
  const rows = [...tallied()].map(([file, tally]) => ({ file, tally, faults: faults(file, tally) }));
  const lines = rows.map(({ file, tally, faults }) => [file, describeTally(tally), ...faults].join('  '));
  process.stdout.write(`\n${lines.join('\n')}\n`);
  const wrong = rows.filter(({ faults }) => faults.length > 0);
  if (rows.length === 0 || wrong.length > 0) {
    throw new Error(`not served by the daemon: ${wrong.map(({ file }) => file).join(', ') || 'anything'}`);
  }
});

function faults(file: string, { warm, declined, left, cold: { silent = 0, broken = 0, ...others } }: Tally): string[] {
  return [
    ...(warm > 0 === foreign.includes(file) ? ['NOT AS EXPECTED'] : []),
    ...(declined.build ? ['DECLINED ITS OWN BUILD'] : []),
    ...(silent > (overloaded / 100) * (warm + silent) ? ['TOO OFTEN SILENT'] : []),
    ...(broken === left && Object.keys(others).length === 0 ? [] : ['COLD BY ACCIDENT']),
  ];
}

function describeTally({ warm, declined, left, cold }: Tally): string {
  return [`warm ${warm}`, ...reasons('declined', declined), `left ${left}`, ...reasons('cold', cold)].join(', ');
}

function reasons(what: string, counts: Record<string, number>): string[] {
  const told = Object.entries(counts).map(([reason, times]) => `${times} ${reason}`);
  return told.length === 0 ? [] : [`${what} ${told.join(' + ')}`];
}
