import type { Native } from '../kernel/contract';

/** Whoever has started the daemon, as far as it wants to be told: sd_notify(3). */
export interface ServiceManager {
  /** From now on it is also told regularly that the daemon lives, if it asked for that. */
  ready(): Promise<void>;
  stopping(): Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `failed` is told once if nobody can be told. */
export function serviceManager(
  { NOTIFY_SOCKET: socket, WATCHDOG_USEC: usec }: Environment,
  kernel: Pick<Native, 'notify'>,
  failed: (error: Error) => void,
): ServiceManager {
  if (!socket) return { ready: async () => {}, stopping: async () => {} };
  const tell = (state: string) => kernel.notify(socket, state).then(() => {}, failed);
  return {
    async ready() {
      await tell('READY=1');
      // Half of the time that it allows. The event loop itself is what is to be seen alive.
      const everyMs = Number(usec ?? 0) / 2000;
      if (everyMs > 0) setInterval(() => void tell('WATCHDOG=1'), everyMs).unref();
    },
    stopping: () => tell('STOPPING=1'),
  };
}
