import type { Door, DoorHost } from '../kernel/door';
import { FrameError } from './protocol';
import type { Report } from './report';
import { decodeRequest, type LaunchedRequest } from './request';
import type { Served } from './serve';

/** Whom a conversation is held for. */
export interface Host {
  /** Why the request is not ours; undefined if it is, and then it is ours to answer for until it is `over`. `isClaimed` is as in `DoorHost.judge`. */
  judge(request: LaunchedRequest, isClaimed: boolean): string | undefined;
  /** Does it. `givenUp` is as in `DoorHost.go`; `hungUp` tells whether the launcher has ended. */
  serve(request: LaunchedRequest, givenUp: string, hungUp: () => boolean): Promise<Served>;
  /** It was done by a recipe. */
  done(request: LaunchedRequest, steps: number, seconds: number): void;
  /** The launcher of a claimed request did not say "go". */
  withdrawn(): void;
  /** The launcher of a claimed request has ended, with its answer or without. */
  over(): void;
  /** Somebody who is no launcher: what is wrong with what they said. */
  refused(complaint: string): void;
  /** For `trestle daemon status`; `collect`: after a collection of garbage. */
  report(collect: boolean): Promise<Report>;
}

/** A launcher whose request was claimed. */
interface Visit {
  request: LaunchedRequest;
  hungUp: boolean;
  /** Resolves when the request has been served; absent before "go". */
  served?: Promise<void>;
  /** Called when the runtime has its answer. */
  release: () => void;
}

/** Talks with whoever comes to the door. */
export function conversations(door: Door, host: Host): DoorHost {
  const visits = new Map<number, Visit>();

  /** A launcher that is killed breaks the connection; that is its whole message. */
  const leave = (visitor: number): void => {
    const visit = visits.get(visitor);
    if (visit === undefined) return;
    visits.delete(visitor);
    visit.hungUp = true;
    visit.release();
    if (visit.served) void visit.served.then(host.over);
    else {
      host.withdrawn();
      host.over();
    }
  };

  const sendAway = (visitor: number): void => {
    door.dismiss(visitor);
    leave(visitor);
  };

  const answer = (visitor: number, visit: Visit, { answer, stderr }: Served): void => {
    if (!answer) {
      sendAway(visitor);
      return;
    }
    // The runtime has it when the launcher leaves; until then what was made is kept from any GC.
    visit.release = answer.release;
    if (visit.hungUp) answer.release();
    else door.answer(visitor, answer.exitCode, answer.stdout, stderr);
  };

  return {
    judge(visitor, payload, isClaimed) {
      try {
        const request = decodeRequest(payload);
        const reason = host.judge(request, isClaimed);
        if (reason === undefined) visits.set(visitor, { request, hungUp: false, release: () => {} });
        return reason;
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        host.refused(error.message);
        return null;
      }
    },
    go(visitor, givenUp) {
      const visit = visits.get(visitor);
      if (visit === undefined) return;
      visit.served = host
        .serve(visit.request, givenUp, () => visit.hungUp || door.hasLeft(visitor))
        .then((served) => answer(visitor, visit, served))
        .catch((error: Error) => {
          // A mistake of ours; a process of the caller's own may still do it.
          host.refused(error.stack ?? error.message);
          sendAway(visitor);
        });
    },
    gone: leave,
    done: (payload, steps, seconds) => host.done(decodeRequest(payload), steps, seconds),
    status(visitor, what) {
      host.report(what === 'collect').then(
        (report) => door.report(visitor, JSON.stringify(report)),
        () => door.dismiss(visitor),
      );
    },
    refused: host.refused,
  };
}
