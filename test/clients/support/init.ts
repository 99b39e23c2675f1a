import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { enter } from '../../support/peers';
import { output, PATH, type Ran, type RunOptions, run } from '../../support/run';
import type { World } from '../../support/world';

/**
 * The first process of a PID namespace in a world. Runtimes leave shims and pods behind that nobody waits for; they all
 * end with it, and it ends with the test process, however that ends.
 */
export interface Init {
  /** What follows `nsenter` to get where it is. */
  enter: string[];
  process: ChildProcess;
}

/*
 * /run is shared with the world, so that a pod's namespace is the same there and here; /proc is not. The shell stays, since
 * it also waits for the processes that others have left to it.
 */
const SETUP = 'mount --make-private /proc && mount -t proc proc /proc && echo ready && cat; :';

export async function startInit(world: World): Promise<Init> {
  await world.run('mount', ['--make-shared', '/run']);
  const unshare = ['unshare', '--pid', '--fork', '--kill-child', '--mount', '--propagation', 'unchanged'];
  const child = spawn('nsenter', [...enter(world.keeper), ...unshare, 'sh', '-c', SETUP], {
    env: { PATH },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [first] = await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
  if (String(first) !== 'ready\n') throw new Error('cannot make a PID namespace');
  const namespaces = `/proc/${child.pid}/ns`;
  return {
    process: child,
    enter: [
      `--mount=${namespaces}/mnt`,
      `--net=${namespaces}/net`,
      // Not "pid", which is the namespace that `unshare` itself is in.
      `--pid=${namespaces}/pid_for_children`,
      '--',
    ],
  };
}

/** Ends every process of its PID namespace; returns when the last is gone. */
export async function endInit({ process: child }: Init): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.stdin?.end();
  await closed;
}

/** Runs a program beside it to its end. */
export function runBeside(init: Init, file: string, args: readonly string[], options?: RunOptions): Promise<Ran> {
  return run('nsenter', [...init.enter, file, ...args], options);
}

/** A program that runs beside it until it is killed. */
export interface Service {
  /** What it has written so far. */
  log(): string;
  /** SIGKILL, to it alone. Returns when it is gone. */
  kill(): Promise<void>;
}

export function startBeside(init: Init, file: string, args: readonly string[], env: Record<string, string>): Service {
  const nsenter = spawn('nsenter', [...init.enter, file, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  for (const stream of [nsenter.stdout, nsenter.stderr]) stream.on('data', (chunk) => chunks.push(chunk));
  const exited = once(nsenter, 'exit');
  return {
    log: () => Buffer.concat(chunks).toString(),
    async kill() {
      // Into a PID namespace `nsenter` sends a child, and ends as that ends.
      const child = await output('pgrep', ['--parent', String(nsenter.pid)]);
      process.kill(Number(child), 'SIGKILL');
      await exited;
    },
  };
}
