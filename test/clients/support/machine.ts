import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { output, type Ran, type RunOptions } from '../../support/run';
import { createWorld, type World } from '../../support/world';
import { removeCgroup } from './cgroups';
import { endInit, type Init, runBeside, type Service, startBeside, startInit } from './init';

const built = resolve(__dirname, '../../../build/runtime');
const bin = '/opt/cni/bin';

/** A world in which a container runtime can run: with /etc and /opt of its own, processes that it can end, and a cgroup. */
export interface Machine {
  world: World;
  /** A folder in memory for the runtime's files, the same path within the world and without. */
  scratch: string;
  /** Where pods' cgroups go: "/name". */
  cgroup: string;
  /** Runs a program beside the runtime. */
  run(file: string, args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Starts a program that runs until it is killed, or the machine rebooted or closed. */
  start(file: string, args: readonly string[], env: Record<string, string>): Service;
  /** Puts Trestle's plugins into /opt/cni/bin, as `make install` does. */
  install(env?: Record<string, string>): Promise<Ran>;
  /** Takes them away, as `make uninstall` does. */
  uninstall(env?: Record<string, string>): Promise<Ran>;
  /** Ends every process; namespaces, links, rules and all of /run are gone then, as when a node loses its power. */
  reboot(): Promise<void>;
  close(): Promise<void>;
}

/** Makes one with an empty /opt/cni/bin. Close it in `after`. */
export async function createMachine(): Promise<Machine> {
  const world = await createWorld({ plugins: bin });
  const scratch = mkdtempSync(join(tmpdir(), 'trestle-machine-'));
  const cgroup = `/${basename(scratch)}`;
  let init: Init | undefined;
  const close = async () => {
    if (init !== undefined) await endInit(init);
    try {
      await world.close();
    } finally {
      removeCgroup(cgroup);
      rmdirSync(scratch);
    }
  };
  try {
    await makeFolders(world, scratch);
    init = await startInit(world);
  } catch (error) {
    await close();
    throw error;
  }
  const current = () => init as Init;
  return {
    world,
    scratch,
    cgroup,
    close,
    run: (file, args, options) => runBeside(current(), file, args, options),
    start: (file, args, env) => startBeside(current(), file, args, env),
    install: (env) => script(world, 'install.sh', [bin], env),
    uninstall: (env) => script(world, 'uninstall.sh', [bin, '/run/trestle'], env),
    reboot: async () => {
      await endInit(current());
      await inWorld(world, POWER_LOSS);
      removeCgroup(cgroup);
      init = await startInit(world);
    },
  };
}

/* An overlay, since the machine's own /etc and /opt are needed too: Node itself may lie in /opt. */
async function makeFolders(world: World, scratch: string): Promise<void> {
  await inWorld(world, `mount -t tmpfs scratch ${scratch}`);
  for (const name of ['etc', 'opt']) {
    for (const part of ['upper', 'work']) mkdirSync(world.path(`${scratch}/${name}/${part}`), { recursive: true });
    const options = `lowerdir=/${name},upperdir=${scratch}/${name}/upper,workdir=${scratch}/${name}/work`;
    await inWorld(world, `mount -t overlay -o ${options} overlay /${name}`);
  }
  await inWorld(world, `rm -rf /etc/cni/net.d ${bin} && mkdir -p /etc/cni/net.d ${bin}`);
}

/*
 * What is mounted below the machine's own /run lies hidden beneath the world's, and is listed before it. A bridge's
 * deletion takes no other link along, but a veth's takes its peer.
 */
const POWER_LOSS = `
awk '$5 == "/run" { count = 0 } $5 ~ "^/run/" && $5 !~ "^/run/machine-var-lib" { mounts[++count] = $5 }
  END { while (count > 0) print mounts[count--] }' /proc/self/mountinfo | xargs -r umount
rm -rf /run/netns/*
find /run -mindepth 1 -maxdepth 1 ! -name netns ! -name machine-var-lib -exec rm -rf {} +
for link in $(ls /sys/class/net); do [ "$link" = lo ] || ip link delete "$link" || :; done
nft flush ruleset
for file in /proc/sys/net/ipv[46]/conf/all/forwarding; do echo 0 >"$file"; done`;

function inWorld(world: World, command: string): Promise<string> {
  const { pid } = world.keeper;
  return output('nsenter', [`--mount=/proc/${pid}/ns/mnt`, `--net=/proc/${pid}/ns/net`, '--', 'sh', '-euc', command]);
}

function script(world: World, name: string, args: string[], env: Record<string, string> = {}): Promise<Ran> {
  const set = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  return world.run('env', [...set, join(built, name), ...args]);
}
