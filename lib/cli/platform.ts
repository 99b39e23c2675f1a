import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { native } from '../kernel/native';
import type { Platform } from '../plugin/platform';
import { plugins } from '../plugins';
import type { Surroundings } from '../process';

/** This machine, as the plugins see it. The addon is loaded when it is first needed: VERSION needs none. */
export function platformOf(
  { began, env, err }: Pick<Surroundings, 'began' | 'env' | 'err'>,
  options: Pick<Platform, 'trace' | 'programs'> = {},
): Platform {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return {
    get kernel() {
      return native();
    },
    plugins,
    stateDir: '/run/trestle',
    bootId,
    // Anew each time: the clock may have been set since.
    get bootTime() {
      return Date.now() - uptime() * 1000;
    },
    machineId: machineId() ?? bootId,
    began,
    now: Date.now,
    callerEnv: () => callerEnv(env),
    token: env.TRESTLE_TOKEN,
    warn: (message) => err(`trestle: ${message}\n`),
    ...options,
  };
}

/** Not every node has one; names and MACs need only be stable for as long as the kernel state lasts. */
function machineId(): string | undefined {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

/** The launcher starts us with a clean environment and leaves the caller's own in a memfd: NUL-separated, as in /proc/PID/environ. */
function callerEnv(env: Surroundings['env']): Record<string, string | undefined> {
  const fd = env.TRESTLE_CALLER_ENVIRON;
  if (fd === undefined || !/^\d+$/.test(fd)) return { ...env };
  const entries = readFileSync(`/proc/self/fd/${fd}`, 'utf8')
    .split('\0')
    .filter((entry) => entry.includes('='));
  return Object.fromEntries(
    entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
}
