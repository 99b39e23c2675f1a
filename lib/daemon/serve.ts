import { closeSync, constants, openSync } from 'node:fs';
import type { Native } from '../kernel/contract';
import { type Answer, handle } from '../plugin/handle';
import type { Platform } from '../plugin/platform';
import type { Lane } from './lane';
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

/**
 * Serves a request just as a process of its own would. `removal` is for what asks the kernel to remove something; `hungUp`
 * tells whether the launcher has ended.
 */
export async function serve(
  request: LaunchedRequest,
  base: Platform,
  removal: Lane,
  hungUp: () => boolean,
): Promise<Served> {
  const netns = openNetns(request);
  const served: Served = { stderr: '', steps: 0 };
  let isForeign = false;
  const platform: Platform = {
    ...base,
    kernel: bounded(base.kernel, removal, served),
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

function bounded(kernel: Native, removal: Lane, served: Served): Native {
  return {
    ...kernel,
    apply: (where, steps, mode) => {
      served.steps += steps.length;
      const apply = () => kernel.apply(where, steps, mode);
      return mode === 'continue' ? removal(apply) : apply();
    },
  };
}
