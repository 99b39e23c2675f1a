import { isAbsolute } from 'node:path';
import { decodeConfig, lookup } from '../cni/decode';
import { found } from '../cni/quote';
import { appendToRegularFile } from '../cni/regular-file';
import type { RawRequest } from '../cni/request';
import type { Result } from '../cni/result';
import type { Applied, Step } from '../kernel/contract';
import type { Platform } from './platform';
import { endLine, execLine, ipamLine, oneLine, stepLines } from './trace-lines';

/** Is told what a request does, as it does it. */
export interface Trace {
  /** A run of steps; `undoing` when they take back what others did. */
  steps(steps: readonly Step[], applied: Applied, undoing?: boolean): void;
  /** Asks an IPAM plugin by `ask`, which may say what was released, and hands on its answer or its error. */
  ipam(type: string, command: string, ask: AskIpam): Promise<Result | undefined>;
  /** A program is run for `command`; the returned function is to be told which, and how it ended. */
  exec(command: string): (program: string, status: string) => void;
}

type AskIpam = (released: (address: string) => void) => Promise<Result | undefined>;

/** The trace of a whole request. */
export interface RequestTrace extends Trace {
  /** The configuration is known, which may name a file. */
  begin(config: Record<string, unknown>): void;
  /** The last line: how it ended, and when. */
  end(error?: unknown): void;
}

/** For what is asked and not done. */
export const untraced: Trace = { steps: () => {}, ipam: (_type, _command, ask) => ask(() => {}), exec: () => () => {} };

type Tracing = Pick<Platform, 'trace' | 'warn' | 'now'>;

/**
 * The trace of one request, for the platform's own listener and for the file that the configuration names
 * (`"trestle": {"trace": "/path"}`), since runtimes throw stderr away. It costs nothing where nobody wants it, and one
 * that cannot be written is worth a warning, never a pod.
 */
export function traceOf(raw: RawRequest, platform: Tracing): RequestTrace {
  const since = platform.now();
  let sinks: Sink[] = [];
  let begun = false;
  const tell = (lines: readonly string[]): void => {
    if (lines.length > 0) for (const sink of sinks) sink(lines);
  };
  const begin = (config: Record<string, unknown>): void => {
    begun = true;
    sinks = sinksFor(raw, platform, config);
  };
  return {
    begin,
    steps(steps, applied, undoing) {
      if (sinks.length > 0) tell(stepLines(steps, applied, undoing));
    },
    ipam: (type, command, ask) => (sinks.length > 0 ? tracedIpam(type, command, ask, tell) : ask(() => {})),
    exec(command) {
      const took = stopwatch();
      return (program, status) => tell([execLine({ program, command, status, us: took() })]);
    },
    end(error) {
      // One that failed before it was understood.
      if (!begun && error !== undefined) begin(configOf(raw));
      tell([endLine(raw.env.CNI_COMMAND ?? '', (platform.now() - since) * 1000, error)]);
    },
  };
}

/**
 * For a program that a runtime runs itself, which leaves no trace of its own: to be told how it ended, once it has. `who`
 * begins the line, as the names of a request's command, plugin and interface begin the others.
 */
export function execTold({ trace }: Pick<Platform, 'trace'>, who: string, command: string): ReturnType<Trace['exec']> {
  if (trace === undefined) return () => {};
  const took = stopwatch();
  return (program, status) => trace(`${oneLine(who)}  ${execLine({ program, command, status, us: took() })}`);
}

type Sink = (lines: readonly string[]) => void;

function sinksFor(raw: RawRequest, platform: Tracing, config: Record<string, unknown>): Sink[] {
  const { CNI_COMMAND: command = '', CNI_CONTAINERID: container = '', CNI_IFNAME: ifname = '' } = raw.env;
  const { trace, warn } = platform;
  const path = fileIn(config, warn);
  return [
    ...(trace ? [listenerSink(trace, name(command, raw.type, ifname))] : []),
    ...(path === undefined ? [] : [fileSink(path, name(command, raw.type, container, ifname), platform)]),
  ];
}

/** Whoever listens knows whose container it is. */
function listenerSink(trace: (line: string) => void, who: string): Sink {
  return (lines) => {
    for (const line of lines) trace(`${who}  ${line}`);
  };
}

const name = (...parts: string[]): string => oneLine(parts.filter(Boolean).join(' '));

/** Microseconds since it was made. */
function stopwatch(): () => number {
  const since = performance.now();
  return () => (performance.now() - since) * 1000;
}

async function tracedIpam(type: string, command: string, ask: AskIpam, tell: Sink): Promise<Result | undefined> {
  const took = stopwatch();
  const released: string[] = [];
  try {
    const result = await ask((address) => void released.push(address));
    const addresses = result?.ips?.map(({ address }) => address) ?? released;
    tell([ipamLine({ type, command, addresses, us: took() })]);
    return result;
  } catch (error) {
    tell([ipamLine({ type, command, addresses: released, error, us: took() })]);
    throw error;
  }
}

/** Appends lines in one write each time, so that those of several processes do not mix. */
function fileSink(path: string, who: string, { warn, now }: Tracing): Sink {
  let usable = true;
  return (lines) => {
    if (!usable) return;
    const prefix = `${new Date(now()).toISOString()} ${who}`;
    try {
      appendToRegularFile(path, lines.map((line) => `${prefix}  ${line}\n`).join(''));
    } catch (error) {
      usable = false;
      warn(`trace ${path}: ${(error as Error).message}`);
    }
  };
}

/** The file that the configuration names; undefined for none, and with a warning for what is none. */
function fileIn(config: Record<string, unknown>, warn: (message: string) => void): string | undefined {
  const settings = lookup(config, 'trestle');
  if (settings === undefined) return undefined;
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) {
    warn(`no trace: "trestle": expected an object, found ${found(settings)}`);
    return undefined;
  }
  const path = lookup(settings as Record<string, unknown>, 'trace');
  if (path === undefined || (typeof path === 'string' && isAbsolute(path))) return path;
  warn(`no trace: "trestle.trace": expected an absolute path, found ${found(path)}`);
  return undefined;
}

function configOf({ stdin }: RawRequest): Record<string, unknown> {
  try {
    return decodeConfig(stdin);
  } catch {
    return {};
  }
}
