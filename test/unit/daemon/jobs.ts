import type { Native } from '../../../lib/kernel/contract';

/** Work that goes on until it is told to end. */
export function job() {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end: () => end(), work: () => ended };
}

export const turn = () => new Promise((resolve) => setImmediate(resolve));

/** What the daemon asks of the addon on behalf of nobody, where the answer does not matter. */
export const tellsNothing = { linkGone: () => new Promise<boolean>(() => {}), replaying: () => 0 } as unknown as Native;
