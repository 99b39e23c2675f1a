import { renameSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { expectUnchanged } from '../../support/expect-unchanged';
import { bookkeeping } from '../../support/leftovers';
import { type Config, hostLocal } from '../../support/network';
import type { Snapshot } from '../../support/snapshot';
import { cgroupsBelow } from './cgroups';
import { type Containerd, startContainerd, until } from './containerd';
import type { Port } from './cri';
import { createKubelet, type Kubelet } from './kubelet';
import { createMachine, type Machine } from './machine';

/** A machine with containerd, and kubelet's calls to it. */
export interface KubeNode {
  machine: Machine;
  containerd: Containerd;
  kubelet: Kubelet;
  /** Makes a list of plugins the only network, and waits until containerd has read it. */
  configure(name: string, plugins: Config[]): Promise<void>;
  /** The machine as it is without pods, after a first one has come and gone: bridges stay. */
  withoutPods(ports?: Port[]): Promise<Snapshot>;
  /** Removes the pods that a test which failed has left, for the sake of the next. */
  removePods(): Promise<void>;
  /** Fails unless no pod is known and the machine is as it was, but for lines that match one of `allow`. */
  expectNothingLeft(before: Snapshot, allow?: RegExp[]): Promise<void>;
  close(): Promise<void>;
}

/** A bridge for a list of plugins; host-local has these range sets. */
export function bridge(...sets: object[][]): Config {
  return { type: 'bridge', bridge: 'br0', isDefaultGateway: true, ipam: hostLocal(...sets) };
}

/** Folders that it makes with the first pod of a kind. */
const containerdOwn = [/^files \/run\/containerd\/io\.containerd\.[^ ]*\/(containers|sandboxes)\/: added ""$/];

/** Starts one without plugins and without a network. */
export async function startKubeNode(): Promise<KubeNode> {
  const machine = await createMachine();
  try {
    const containerd = await startContainerd(machine);
    return withCalls(machine, containerd, createKubelet(containerd.cri, machine.cgroup));
  } catch (error) {
    await machine.close();
    throw error;
  }
}

function withCalls(machine: Machine, containerd: Containerd, kubelet: Kubelet): KubeNode {
  return {
    machine,
    containerd,
    kubelet,
    configure: (name, plugins) => configure(machine, containerd, { cniVersion: '1.0.0', name, plugins }),
    async withoutPods(ports) {
      await kubelet.remove(await kubelet.sandbox('first', ports));
      return await machine.world.snapshot();
    },
    async removePods() {
      for (const id of await kubelet.pods()) await kubelet.remove({ id });
    },
    async expectNothingLeft(before, allow = []) {
      expect(await kubelet.pods(), 'pods').to.deep.equal([]);
      expect(cgroupsBelow(machine.cgroup), 'cgroups').to.deep.equal([]);
      expectUnchanged(before, await machine.world.snapshot(), { allow: [...containerdOwn, ...bookkeeping, ...allow] });
    },
    async close() {
      containerd.cri.close();
      await machine.close();
    },
  };
}

/** By rename, for containerd looks as soon as anything happens in the folder. */
async function configure(machine: Machine, { cri }: Containerd, list: object): Promise<void> {
  const file = machine.world.path('/etc/cni/net.d/10-net.conflist');
  const text = JSON.stringify(list);
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
  await until('containerd has read the configuration', async () => {
    const { info } = await cri.call('Status', { verbose: true });
    // biome-ignore lint/suspicious/noExplicitAny: containerd's own
    const { Networks = [] } = JSON.parse(info.cniconfig ?? '{}') as any;
    return Networks.some(({ Config }: { Config: { Source: string } }) => Config.Source === text);
  });
}
