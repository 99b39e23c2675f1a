import type { Native, Step } from '../kernel/contract';
import type { Added } from '../plugin/add';
import { type Answer, handle } from '../plugin/handle';
import type { Platform } from '../plugin/platform';
import type { Lanes, Manners } from './lanes';
import { removal } from './removal';
import type { LaunchedRequest } from './request';
import { isSweep } from './sweep';

/** What became of a request. */
export interface Served {
  /** Undefined where it is to be finished by a process that the caller starts. */
  answer?: Answer;
  /** For the caller's standard error. */
  stderr: string;
  /** How many steps the kernel was asked to do. */
  steps: number;
  /** An ADD that has succeeded. */
  added?: Added;
}

/** Serves a request just as a process of its own would. `hungUp` tells whether the launcher has ended. */
export async function serve(
  request: LaunchedRequest,
  base: Platform,
  lanes: Lanes,
  manners: Manners,
  hungUp: () => boolean,
): Promise<Served> {
  const served: Served = { stderr: '', steps: 0 };
  let isForeign = false;
  const platform = variant(base, {
    kernel: bounded(base.kernel, lanes, manners, served),
    began: request.began,
    token: request.token,
    warn: (message: string) => {
      served.stderr += `trestle: ${message}\n`;
    },
    foreign: () => {
      isForeign = true;
    },
    openedNetns: (path: string) => (path === request.env.CNI_NETNS && request.netns ? request.netns : path),
    hungUp,
    added: (added: Added) => {
      served.added = added;
    },
  });
  const answer = await handle(request, platform);
  if (!isForeign) return { ...served, answer };
  answer.release();
  return served;
}

/** `base`, but for some of it. Not a copy: what the rest says may be found out anew each time. */
const variant = <T extends object>(base: T, own: Partial<T>): T => ({ __proto__: base, ...own }) as unknown as T;

function bounded(kernel: Native, lanes: Lanes, { aside, inTurn }: Manners, served: Served): Native {
  return variant(kernel, {
    lock: (request) => aside(() => kernel.lock(request)),
    observe: (where, queries) => inTurn(kernel.observe(where, queries)),
    apply: (where, steps, mode) => {
      served.steps += steps.length;
      // A sweep is others' too, who may still be at it when this request has ended.
      const apply = (steps: Step[]) => kernel.apply(steps.every(isSweep) ? {} : where, steps, mode);
      return inTurn(mode === 'continue' ? aside(() => removal(steps, apply, lanes)) : apply(steps));
    },
  });
}
