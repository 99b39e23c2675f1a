import { constants } from 'node:os';
import type { Surroundings } from '../../process';

/** What is done about signals while a command runs in a network that has to be taken down afterwards. */
export interface Signals {
  /** The first that came while no command ran. */
  readonly stopped: number | undefined;
  /** From now on a command runs, which `send` reaches; undefined: it has ended. */
  command(send: ((signal: number) => void) | undefined): void;
}

/** The terminal has sent these to the command already, which is in the same process group. */
const fromTerminal: readonly number[] = [constants.signals.SIGINT, constants.signals.SIGQUIT];

/** From now on no signal ends this process. */
export function watchSignals({ onSignals }: Pick<Surroundings, 'onSignals'>): Signals {
  let stopped: number | undefined;
  let send: ((signal: number) => void) | undefined;
  onSignals((signal) => {
    if (send === undefined) stopped ??= signal;
    else if (!fromTerminal.includes(signal)) send(signal);
  });
  return {
    get stopped() {
      return stopped;
    },
    command(to) {
      send = to;
      // It came while the command was being started, and may have been too early for it.
      if (stopped !== undefined) to?.(stopped);
    },
  };
}
