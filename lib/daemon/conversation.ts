import type { Socket } from 'node:net';
import { encodeFrame, type Frame, FrameError, FrameKind, frameReader } from './protocol';
import type { Report } from './report';
import { decodeRequest, type LaunchedRequest } from './request';
import type { Served } from './serve';

/** Whom a conversation is held for. */
export interface Host {
  /** Why the request is not ours; undefined if it is, and then it is ours to answer for until it is `over`. */
  judge(request: LaunchedRequest): string | undefined;
  /** Does it. `hungUp` tells whether the launcher has ended. */
  serve(request: LaunchedRequest, hungUp: () => boolean): Promise<Served>;
  /** The launcher of a claimed request did not say "go". */
  withdrawn(): void;
  /** The launcher of a claimed request has ended, with its answer or without. */
  over(): void;
  /** Somebody who is no launcher: what is wrong with what they said. */
  refused(complaint: string): void;
  /** For `trestle daemon status`; `collect`: after a collection of garbage. */
  report(collect: boolean): Promise<Report>;
}

/** How long somebody may be silent who has connected, and a launcher whose request was claimed. Milliseconds. */
const silenceMs = 10_000;

/** Talks with whoever has connected, to the end. */
export function converse(socket: Socket, host: Host): void {
  const visit: Visit = { stage: 'request', hungUp: false, served: Promise.resolve(), release: () => {} };
  const read = frameReader();
  socket.setTimeout(silenceMs, () => socket.destroy());
  // A launcher that is killed breaks the connection; that is its whole message.
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    try {
      for (const frame of read(chunk)) take(visit, frame, socket, host);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      host.refused(error.message);
      socket.destroy();
    }
  });
  socket.on('close', () => {
    visit.hungUp = true;
    visit.release();
    if (visit.stage === 'go') host.withdrawn();
    if (visit.request) void visit.served.then(host.over);
  });
}

interface Visit {
  /** What is to be said next. */
  stage: 'request' | 'go' | 'nothing';
  /** The request that was claimed. */
  request?: LaunchedRequest;
  hungUp: boolean;
  /** Resolves when the request has been served. */
  served: Promise<void>;
  /** Called when the runtime has its answer. */
  release: () => void;
}

function take(visit: Visit, { kind, payload }: Frame, socket: Socket, host: Host): void {
  if (kind === FrameKind.request && visit.stage === 'request') consider(visit, payload, socket, host);
  else if (kind === FrameKind.go && visit.stage === 'go' && visit.request) go(visit, visit.request, socket, host);
  else if (kind === FrameKind.status && visit.stage === 'request') report(visit, payload, socket, host);
  else throw new FrameError(`a frame of kind ${kind} is out of turn`);
}

function consider(visit: Visit, payload: Buffer, socket: Socket, host: Host): void {
  const request = decodeRequest(payload);
  const reason = host.judge(request);
  if (reason === undefined) {
    Object.assign(visit, { request, stage: 'go' });
    socket.write(encodeFrame(FrameKind.claimed));
  } else {
    visit.stage = 'nothing';
    socket.end(encodeFrame(FrameKind.declined, reason));
  }
}

function go(visit: Visit, request: LaunchedRequest, socket: Socket, host: Host): void {
  visit.stage = 'nothing';
  socket.setTimeout(0);
  visit.served = host
    .serve(request, () => visit.hungUp)
    .then((served) => answer(visit, served, socket))
    .catch((error: Error) => {
      // A mistake of ours; a process of the caller's own may still do it.
      host.refused(error.stack ?? error.message);
      socket.destroy();
    });
}

function answer(visit: Visit, { answer, stderr }: Served, socket: Socket): void {
  if (!answer) {
    socket.destroy();
    return;
  }
  // The runtime has it when the launcher closes; until then what was made is kept from any GC.
  visit.release = answer.release;
  if (visit.hungUp) answer.release();
  const said = stderr === '' ? [] : [encodeFrame(FrameKind.stderr, stderr)];
  const told = Buffer.from(`${String.fromCharCode(answer.exitCode)}${answer.stdout}`);
  socket.write(Buffer.concat([...said, encodeFrame(FrameKind.answer, told)]));
}

function report(visit: Visit, payload: Buffer, socket: Socket, host: Host): void {
  visit.stage = 'nothing';
  void host
    .report(payload.toString() === 'collect')
    .then((report) => socket.end(encodeFrame(FrameKind.statusReport, JSON.stringify(report))))
    .catch((error: Error) => socket.destroy(error));
}
