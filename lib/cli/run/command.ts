import { describeFault } from '../../kernel/errors';
import type { Platform } from '../../plugin/platform';
import type { Signals } from './signals';

/** As a shell tells of a command that it could not run. */
const notFound = 127;
const notExecutable = 126;

/** The exit status that tells of a signal. */
export const statusOf = (signal: number): number => 128 + signal;

/** Runs a command in the namespace, with this process's terminal, and answers with its exit status. */
export async function runCommand(
  { kernel, callerEnv, warn }: Platform,
  netns: string,
  args: readonly string[],
  signals: Signals,
): Promise<number> {
  const env = Object.entries(callerEnv()).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  const spawned = await kernel.spawn({ netns, args: [...args], env });
  if ('fault' in spawned) {
    warn(describeFault(spawned.fault));
    return spawned.fault.errno === 'ENOENT' ? notFound : notExecutable;
  }
  signals.command((signal) => kernel.signal(spawned.pid, signal));
  const ending = await kernel.wait(spawned.pid);
  signals.command(undefined);
  return 'status' in ending ? ending.status : statusOf(ending.signal);
}
