import { closeSync, constants, openSync } from 'node:fs';
import type { Native, Step } from '../kernel/contract';
import { type Answer, handle } from '../plugin/handle';
import type { Platform } from '../plugin/platform';
import type { Lanes, Manners } from './lanes';
import { removal } from './removal';
import type { LaunchedRequest } from './request';

/** What became of a request. */
export interface Served {
  /** Undefined where it is to be finished by a process that the caller starts. */
  answer?: Answer;
  /** For the caller's standard error. */
  stderr: string;
  /** How many steps the kernel was asked to do. */
  steps: number;
}

/** Serves a request just as a process of its own would. `hungUp` tells whether the launcher has ended. */
export async function serve(
  request: LaunchedRequest,
  base: Platform,
  lanes: Lanes,
  manners: Manners,
  hungUp: () => boolean,
): Promise<Served> {
  const netns = openNetns(request);
  const served: Served = { stderr: '', steps: 0 };
  let isForeign = false;
  const platform: Platform = {
    ...base,
    kernel: bounded(base.kernel, lanes, manners, served),
    began: request.began,
    token: request.token,
    warn: (message) => {
      served.stderr += `trestle: ${message}\n`;
    },
    foreign: () => {
      isForeign = true;
    },
    openedNetns: (path) => (path === request.env.CNI_NETNS && netns ? netns.path : path),
    hungUp,
  };
  try {
    const answer = await handle(request, platform);
    if (!isForeign) return { ...served, answer };
    answer.release();
    return served;
  } finally {
    netns?.close();
  }
}

/**
 * What the launcher holds open is opened by us, too, since it may be killed while we take back what we have done in there.
 * Undefined where there is nothing to open: the caller's path then says what is wrong.
 */
function openNetns({ netns }: LaunchedRequest): { path: string; close(): void } | undefined {
  if (netns === undefined) return undefined;
  try {
    // What it names may be anything: a FIFO would keep us waiting for its other end.
    const fd = openSync(netns, constants.O_RDONLY | constants.O_NONBLOCK);
    return { path: `/proc/self/fd/${fd}`, close: () => closeSync(fd) };
  } catch {
    return undefined;
  }
}

function bounded(kernel: Native, lanes: Lanes, { aside, inTurn }: Manners, served: Served): Native {
  return {
    ...kernel,
    lock: (request) => aside(() => kernel.lock(request)),
    observe: (where, queries) => inTurn(kernel.observe(where, queries)),
    apply: (where, steps, mode) => {
      served.steps += steps.length;
      const apply = (steps: Step[]) => kernel.apply(where, steps, mode);
      return inTurn(mode === 'continue' ? aside(() => removal(steps, apply, lanes)) : apply(steps));
    },
  };
}
