import { printResult } from '../cni/convert';
import { CniError, ErrorCode, errorReport } from '../cni/errors';
import { parseRequest, type RawRequest, type Request } from '../cni/request';
import { versionReport } from '../cni/versions';
import { add } from './add';
import { newCall } from './call';
import { check } from './check';
import type { InterfacePlugin, Plugin } from './define';
import { del } from './del';
import { gc } from './gc';
import { runIpam } from './ipam';
import type { Platform } from './platform';
import { status } from './status';
import { type RequestTrace, type Trace, traceOf } from './trace';

/** What is told to the runtime. */
export interface Reply {
  stdout: string;
  /** To be called once it has been told: until then no GC can know of what an ADD has made, and none may touch it. */
  release(): void;
}

/** What the runtime gets: standard output and the exit status. */
export interface Answer extends Reply {
  exitCode: 0 | 1;
}

const plain = (stdout: string): Reply => ({ stdout, release: () => {} });

/** Serves one request, from its text to the text of its answer. Never throws: whatever goes wrong becomes the specification's error object. */
export async function handle(raw: RawRequest, platform: Platform): Promise<Answer> {
  const trace = traceOf(raw, platform);
  try {
    const reply = await serve(raw, platform, trace);
    trace.end();
    return { ...reply, exitCode: 0 };
  } catch (error) {
    trace.end(error);
    return { ...plain(errorReport(error)), exitCode: 1 };
  }
}

async function serve(raw: RawRequest, platform: Platform, trace: RequestTrace): Promise<Reply> {
  const plugin = platform.plugins.get(raw.type);
  if (plugin === undefined)
    throw new CniError(ErrorCode.internal, `no plugin of type "${raw.type}" is part of this program`);
  const request = parseRequest(raw, { nameless: plugin.kind !== 'ipam' && plugin.nameless === true });
  if (request.command === 'VERSION') return plain(versionReport());
  trace.begin(request.config);
  for (const warning of request.warnings) platform.warn(warning);
  return plugin.kind === 'ipam'
    ? serveIpam(plugin, request, platform, trace)
    : serveInterface(plugin, request, platform, trace);
}

async function serveIpam(
  plugin: Plugin & { kind: 'ipam' },
  request: Request,
  platform: Platform,
  trace: Trace,
): Promise<Reply> {
  const result = await runIpam({ platform, trace }, plugin, request);
  return plain(result === undefined ? '' : printResult(result, request.cniVersion));
}

async function serveInterface(
  plugin: InterfacePlugin,
  request: Request,
  platform: Platform,
  trace: Trace,
): Promise<Reply> {
  const call = newCall(platform, plugin, request, trace);
  if (request.command === 'ADD') return add(call);
  await { DEL: del, CHECK: check, GC: gc, STATUS: status }[request.command](call);
  return plain('');
}
