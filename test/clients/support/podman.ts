import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { expectUnchanged } from '../../support/expect-unchanged';
import { processes } from '../../support/keeper';
import { sharedObjects } from '../../support/leftovers';
import { referencePlugins } from '../../support/plugins';
import { PATH, type Ran } from '../../support/run';
import type { Snapshot } from '../../support/snapshot';
import { cgroupsBelow } from './cgroups';
import { until } from './containerd';
import { image, writeImage } from './image';
import { createMachine, type Machine } from './machine';

/** What podman tells of a container in a network. */
export interface Endpoint {
  IPAddress: string;
  Gateway: string;
  GlobalIPv6Address: string;
  MacAddress: string;
}

/** A machine with podman, Trestle's plugins, and Debian's for the rest of the chains that podman makes. */
export interface Podman {
  machine: Machine;
  /** Runs podman, which must succeed. Returns what it printed. */
  do(...args: string[]): Promise<string>;
  /** Runs podman, which must fail. Returns what it said. */
  refusal(...args: string[]): Promise<string>;
  /** Starts a container that serves /www by HTTP. */
  start(name: string, ...options: string[]): Promise<void>;
  /** Runs a command in a container to whatever end. */
  exec(name: string, ...command: string[]): Promise<Ran>;
  /** By network. */
  endpoints(name: string): Promise<Record<string, Endpoint>>;
  /** Of a container that is in one network. */
  endpoint(name: string): Promise<Endpoint>;
  /** Ends and removes these containers. */
  remove(...names: string[]): Promise<void>;
  /** The machine when podman does no more than run its containers: of an `exec` it cleans up behind one's back. */
  snapshot(): Promise<Snapshot>;
  /**
   * Fails unless there is no container and the machine is as it was, but for what all networks share, and lines that match
   * one of `allow`.
   */
  expectNothingLeft(before: Snapshot, allow?: RegExp[]): Promise<void>;
}

/** The plugins that Trestle does not have, in podman's chains. */
export const debians = ['firewall', 'tuning'];

/* By default locks lie in /dev/shm, which is the machine's own. */
const CONFIGURATION = `[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
log_driver = "k8s-file"
[network]
network_backend = "cni"
cni_plugin_dirs = ["/opt/cni/bin"]
network_config_dir = "/etc/cni/net.d"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
`;

/** Makes one that has the image and no network yet. Close the machine in `after`. */
export async function createPodman(): Promise<Podman> {
  const machine = await createMachine();
  try {
    const podman = withCalls(machine, caller(machine));
    await installPlugins(machine);
    const archive = await writeImage(machine.world.path(machine.scratch));
    await podman.do('load', '--quiet', '--input', join(machine.scratch, basename(archive)));
    return podman;
  } catch (error) {
    await machine.close();
    throw error;
  }
}

type Call = (args: readonly string[]) => Promise<Ran>;

function caller({ scratch, world, run }: Machine): Call {
  const file = join(scratch, 'containers.conf');
  writeFileSync(world.path(file), CONFIGURATION);
  const places = ['--root', `${scratch}/storage`, '--runroot', `${scratch}/run`, '--tmpdir', `${scratch}/tmp`];
  const env = { PATH, HOME: scratch, TMPDIR: scratch, CONTAINERS_CONF: file };
  return (args) => run('podman', [...places, ...args], { env });
}

/** A mixed folder. And podman keeps a cache in /var/lib/containers, which may be a link to the machine's own. */
async function installPlugins(machine: Machine): Promise<void> {
  const { code, stderr } = await machine.install();
  if (code !== 0) throw new Error(`install: ${stderr}`);
  await machine.run('cp', [...debians.map((name) => join(referencePlugins, name)), '/opt/cni/bin']);
  await machine.run('rm', ['-f', '/var/lib/containers']);
}

function withCalls(machine: Machine, call: Call): Podman {
  const done = async (...args: string[]) => {
    const { code, signal, stdout, stderr } = await call(args);
    if (code !== 0) throw new Error(`podman ${args.join(' ')}: exit ${code ?? signal}: ${stderr}`);
    return stdout.trim();
  };
  const endpoints = async (name: string) =>
    JSON.parse(await done('inspect', '--format', '{{json .NetworkSettings.Networks}}', name));
  const snapshot = async () => {
    await settled(machine, (await done('ps', '--quiet')).split('\n').filter(Boolean).length);
    return await machine.world.snapshot();
  };
  const run = ['run', '--detach', '--cgroup-parent', machine.cgroup, '--entrypoint', '/bin/busybox'];
  return {
    machine,
    do: done,
    async refusal(...args) {
      const { code, stdout, stderr } = await call(args);
      expect(code, stdout).to.be.a('number').not.equal(0);
      return stderr;
    },
    async start(name, ...options) {
      await done(...run, '--name', name, ...options, image, 'httpd', '-f', '-h', '/www');
    },
    exec: (name, ...command) => call(['exec', name, ...command]),
    snapshot,
    endpoints,
    async endpoint(name) {
      const all = Object.values<Endpoint>(await endpoints(name));
      expect(all).to.have.lengthOf(1);
      return all[0] as Endpoint;
    },
    async remove(...names) {
      await done('rm', '--force', '--time', '0', ...names);
    },
    async expectNothingLeft(before, allow = []) {
      expect(await done('ps', '--all', '--quiet'), 'containers').to.equal('');
      const cgroups = cgroupsBelow(machine.cgroup).filter((path) => basename(path) !== 'conmon');
      expect(cgroups, 'cgroups').to.deep.equal([]);
      expectUnchanged(before, await snapshot(), { allow: [...shared, ...allow] });
    },
  };
}

/** Waits until one process of podman's is left for each container that runs. */
function settled({ world }: Machine, containers: number): Promise<void> {
  const own = () => processes(world.keeper).filter(({ command }) => /^\/usr\/bin\/(conmon|podman) /.test(command));
  return until('podman has cleaned up', async () => own().length === containers);
}

/*
 * What outlives a network: Trestle's tables, in which empty sets do no harm; the chains that firewall hangs its rules
 * into; and the bridge of the network that podman always has.
 */
const shared = [
  ...sharedObjects('cni-podman0'),
  /^namespaces host nft: added table \{"family":"ip6?","name":"filter"\}$/,
  /^namespaces host nft: added chain .*"name":"(CNI-(FORWARD|ADMIN)|FORWARD)"/,
  /^namespaces host nft: added rule .*"jump":\{"target":"CNI-(FORWARD|ADMIN)"/,
  /^files \/run\/(cni|cni\/tuning|runc)\/: added ""$/,
];
