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
    observe: (where, queries) => inText((call) => addon.observe(call), { where, queries }),
    apply: (where, steps, mode) => inText((call) => addon.apply(call), { where, steps, mode }),
    visit: ({ host = '', pod = '' }) => {
      const number = translated(() => addon.visit(host, pod));
      return { visit: Math.abs(number), isOwn: number < 0 };
    },
    leave: (visit) => addon.leave(visit),
    lock: (request) => wrapped(addon.lock(request)),
    tryLock: (request) => {
      const [offset, shared] = request.kind === 'ofd' ? [request.offset, request.shared] : [-1, false];
      return translated(() => addon.tryLock(request.path, offset, shared));
    },
    unlock: (lock) => addon.unlock(lock),
    makeNetns: (path) => wrapped(addon.makeNetns(path)),
    removeNetns: (path) => wrapped(addon.removeNetns(path)),
    spawn: (program) => wrapped(addon.spawn(program)),
    wait: (pid) => wrapped(addon.wait(pid)),
    signal: (pid, signal) => addon.signal(pid, signal),
    watch: (what) => wrapped(addon.watch(what)),
    openDoor: (place, host) => translated(() => addon.openDoor(place, host)),
    closeDoor: () => addon.closeDoor(),
    answer: (visitor, exitCode, stdout, stderr) => addon.answer(visitor, exitCode, stdout, stderr),
    report: (visitor, report) => addon.report(visitor, report),
    hasLeft: (visitor) => addon.hasLeft(visitor),
    dismiss: (visitor) => addon.dismiss(visitor),
    setRecipe: (recipe) => translated(() => addon.setRecipe(textOf(recipe))),
    forgetRecipes: () => addon.forgetRecipes(),
    replaying: () => addon.replaying(),
    linkGone: (timeoutMs) => wrapped(addon.linkGone(timeoutMs)),
    notify: (socket, state) => wrapped(addon.notify(socket, state)),
  };
}

/** What it really exports: some functions are given, and give, less than objects, which takes V8 less time. */
interface Addon extends Omit<Native, 'observe' | 'apply' | 'visit' | 'tryLock' | 'setRecipe'> {
  /** Argument and answer are JSON text. */
  observe(call: string): Promise<string>;
  apply(call: string): Promise<string>;
  /** JSON text. */
  setRecipe(recipe: string): void;
  /** "" for what there is not. Below 0: the visit without the sign, whose namespaces are one. */
  visit(host: string, pod: string): number;
  /** -1 for the whole file. */
  tryLock(path: string, offset: number, shared: boolean | undefined): number | null;
}

function open(path: string): Addon {
  try {
    return require(path) as Addon;
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

function translated<T>(call: () => T): T {
  try {
    return call();
  } catch (fault) {
    return raise(fault);
  }
}

function inText<T>(call: (text: string) => Promise<string>, what: object): Promise<T> {
  return call(textOf(what)).then((answer) => JSON.parse(answer) as T, raise);
}

/** What cannot be told in JSON is no text, which is for the addon to refuse like any other. */
function textOf(what: object): string {
  try {
    return JSON.stringify(what);
  } catch {
    return '';
  }
}

function raise(fault: unknown): never {
  throw new KernelError(fault as KernelFault, { cause: fault });
}

async function wrapped<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (fault) {
    return raise(fault);
  }
}
