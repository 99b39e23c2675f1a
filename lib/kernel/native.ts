/** The one file that loads the addon. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { CniError, ErrorCode } from '../cni/errors';
import type { KernelFault, Native } from './contract';
import { KernelError } from './errors';

/** Beside the bundle, where it is installed; else where `node-gyp` builds it, seen from lib/kernel. */
const candidates = ['trestle_native.node', '../../build/Release/trestle_native.node'];

let loaded: Native | undefined;

/** The addon, loaded at the first call. A rejection of its functions is a {@link KernelError}. */
export function native(): Native {
  loaded ??= loadNative();
  return loaded;
}

/** Makes {@link native} return that of another build (the sanitizers'). */
export function useNative(path: string): void {
  loaded = loadNative(path);
}

/** Loads the addon from `path`, or from where it usually is. Code 50 with what `dlopen` says: without it no ADD can succeed. */
export function loadNative(path: string = findAddon()): Native {
  const addon = open(resolve(path));
  return {
    observe: (where, queries) => wrapped(addon.observe(where, queries)),
    apply: (where, steps, mode) => wrapped(addon.apply(where, steps, mode)),
    lock: (request) => wrapped(addon.lock(request)),
    unlock: (lock) => addon.unlock(lock),
    makeNetns: (path) => wrapped(addon.makeNetns(path)),
    removeNetns: (path) => wrapped(addon.removeNetns(path)),
    spawn: (program) => wrapped(addon.spawn(program)),
    wait: (pid) => wrapped(addon.wait(pid)),
    signal: (pid, signal) => addon.signal(pid, signal),
    watch: (what) => wrapped(addon.watch(what)),
    linkGone: (timeoutMs) => wrapped(addon.linkGone(timeoutMs)),
    notify: (socket, state) => wrapped(addon.notify(socket, state)),
  };
}

function open(path: string): Native {
  try {
    return require(path) as Native;
  } catch (error) {
    // Its first line: Node's own goes on about which file required it.
    const [reason = ''] = (error as Error).message.split('\n');
    throw new CniError(ErrorCode.unavailable, `the native addon cannot be loaded: ${reason}`);
  }
}

function findAddon(): string {
  const paths = candidates.map((candidate) => resolve(__dirname, candidate));
  return paths.find((path) => existsSync(path)) ?? (paths[0] as string);
}

async function wrapped<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (fault) {
    throw new KernelError(fault as KernelFault, { cause: fault });
  }
}
