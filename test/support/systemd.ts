import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { enter, type Place } from './peers';
import { cniAnswer, cniEnvironment, cniInput, pluginPath } from './plugins';
import { output, PATH, type Ran, type RunOptions, run } from './run';
import { createWorld, type World, type WorldOptions } from './world';

/** Where the units of a {@link SystemdWorld} are. It has those of the daemon to come, and a few targets. */
export const unitsOfNode = '/etc/systemd/system';

/** A world whose first process is systemd, the machine's own program. Programs and plugins run beside its services. */
export interface SystemdWorld extends World {
  /** What follows `nsenter` to get beside systemd, up to "--". */
  enter: readonly string[];
  systemctl(...args: string[]): Promise<Ran>;
  /** A property of a unit, as `systemctl show` has it. */
  property(unit: string, name: string): Promise<string>;
  /** Waits until a property has a value. */
  until(unit: string, name: string, value: string): Promise<void>;
}

/*
 * systemd finds the units that are needed to get up and none of the machine's. Its control groups are below one of its own,
 * and what it mounts is seen by nobody else.
 */
const boot = `set -e
mount -t tmpfs -o mode=755 units ${unitsOfNode}
for target in sysinit basic sockets multi-user; do echo "[Unit]" >${unitsOfNode}/$target.target; done
printf '[Unit]\\nDefaultDependencies=no\\n' >${unitsOfNode}/shutdown.target
mkdir -p /run/cgroup && mount -t cgroup2 cgroup /run/cgroup
mkdir -p "/run/cgroup/$GROUP" && echo $$ >"/run/cgroup/$GROUP/cgroup.procs"
# unshare has a complaint of its own about a child that is killed.
exec 3>&2 2>/dev/null
exec unshare --pid --fork --kill-child --cgroup --mount --uts --ipc --propagation private sh -c 'exec 2>&3 3>&-
mount -t proc proc /proc
! mountpoint -q /sys/fs/cgroup || umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup /sys/fs/cgroup
exec env -i container=test PATH="$PATH" SYSTEMD_UNIT_PATH=${unitsOfNode} /lib/systemd/systemd --unit=sockets.target'`;

/** Starts systemd in a new world. Close it as any other. */
export async function createSystemdWorld(options?: WorldOptions): Promise<SystemdWorld> {
  const world = await createWorld(options);
  const group = `trestle-test-${world.keeper.pid}`;
  const line = ['--pdeathsig', 'KILL', 'nsenter', ...enter(world.keeper), 'unshare', '--mount', 'sh', '-c', boot];
  const child = spawn('setpriv', line, { stdio: ['ignore', 'inherit', 'inherit'], env: { PATH, GROUP: group } });
  const ended = once(child, 'close');
  const close = async () => {
    // The end of a first process is that of all others.
    process.kill(pid, 'SIGKILL');
    await ended;
    await output('sh', ['-c', removeGroup, 'sh', String(world.keeper.pid), group]);
    await world.close();
  };
  const pid = await firstProcess(child.pid ?? 0);
  const inside = (file: string, args: readonly string[], { in: place, ...rest }: RunOptions & { in?: Place } = {}) =>
    run('nsenter', [...beside(pid, place), file, ...args], rest);
  const systemctl = (...args: string[]) => inside('systemctl', args);
  const property = async (unit: string, name: string) =>
    (await systemctl('show', '--property', name, '--value', unit)).stdout.trim();
  const until = async (unit: string, name: string, value: string) => {
    while ((await property(unit, name)) !== value) await sleep(20);
  };
  await until('sockets.target', 'ActiveState', 'active');
  return {
    ...world,
    enter: beside(pid),
    close,
    run: inside,
    systemctl,
    property,
    until,
    addPod: async (name = 'pod1') => {
      await inside('ip', ['netns', 'add', name]);
      return { name, path: `/run/netns/${name}` };
    },
    cni: async (type, call) => {
      const plugins = call.plugins ?? world.plugins;
      const env = cniEnvironment(call, plugins);
      return cniAnswer(await inside(pluginPath(type, plugins), [], { env, input: cniInput(call) }));
    },
  };
}

/** The namespaces of systemd, by its process id. */
function beside(pid: number, place: Place = 'host'): string[] {
  const net = place === 'host' ? '--net' : `--net=/proc/${pid}/root${place.path}`;
  return ['--target', String(pid), '--mount', '--pid', net, '--'];
}

/** The child of `unshare`, once it has become systemd. */
async function firstProcess(parent: number): Promise<number> {
  for (;;) {
    const [child] = children(parent);
    if (child !== undefined && nameOf(child) === 'systemd') return child;
    await sleep(10);
  }
}

/** The name of a process, "" for one that has ended since it was seen. */
function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** The processes that a process has started and not waited for. */
export function children(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

/** The groups are the kernel's, and outlive the namespaces. */
const removeGroup = `nsenter --mount=/proc/$1/ns/mnt sh -c '
mkdir -p /run/cgroup && mount -t cgroup2 cgroup /run/cgroup && find "/run/cgroup/$0" -depth -type d -delete' "$2"`;
