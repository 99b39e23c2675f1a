import pino from 'pino';
import type { LaunchedRequest } from './request';

export type Log = pino.Logger;

/** Bytes that may wait for a reader who is slow; what comes beyond them is dropped, since no pod is to wait for a log. */
const maxLength = 4 * 1024 * 1024;

/**
 * A line is written when it comes, and those that come meanwhile after it, together. Pino's own way to gather them wakes a
 * process that has nothing to say ten times a second.
 */
const minLength = 1;

/** Lines of JSON on the standard output, written without waiting. */
export function newLog(level: string): Log {
  const destination = pino.destination({ dest: 1, sync: false, minLength, maxLength });
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

/** Who a request is about, by the names that people look for. */
export interface Names {
  command: string;
  plugin: string;
  container?: string | undefined;
  ifname?: string | undefined;
  pod?: string | undefined;
}

export function namesOf({ type, env }: LaunchedRequest): Names {
  const { CNI_COMMAND: command = '', CNI_CONTAINERID: container, CNI_IFNAME: ifname, CNI_ARGS: args } = env;
  return { command, plugin: type, container, ifname, pod: podOf(args) };
}

/** "namespace/name", as containerd and CRI-O say it in CNI_ARGS. */
export function podOf(args = ''): string | undefined {
  const said = (key: string) => new RegExp(`(?:^|;)${key}=([^;]*)`).exec(args)?.[1];
  const name = said('K8S_POD_NAME');
  return name === undefined ? undefined : `${said('K8S_POD_NAMESPACE') ?? ''}/${name}`;
}
