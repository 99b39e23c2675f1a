import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectUnchanged } from '../../support/expect-unchanged';
import { bookkeeping } from '../../support/leftovers';
import type { Config } from '../../support/network';
import { PATH, type Ran } from '../../support/run';
import type { Snapshot } from '../../support/snapshot';
import { cgroupsBelow } from './cgroups';
import { startContainerd } from './containerd';
import { image } from './image';
import { createMachine, type Machine } from './machine';

/** A machine with containerd, where `ctr` and `trestle` use the same networks. */
export interface CtrMachine {
  machine: Machine;
  /** Makes a list of plugins the only network, "net". */
  configure(...plugins: Config[]): void;
  /** Runs ctr to whatever end. */
  ctr(...args: string[]): Promise<Ran>;
  /** `ctr run --cni` of a container of the image. */
  run(id: string, options: string[], ...command: string[]): Promise<Ran>;
  /** Runs trestle to whatever end. */
  trestle(...args: string[]): Promise<Ran>;
  /** Fails unless there is no container and the machine is as it was. */
  expectNothingLeft(before: Snapshot): Promise<void>;
  close(): Promise<void>;
}

/** Makes one with Trestle's plugins and without a network. */
export async function createCtrMachine(): Promise<CtrMachine> {
  const machine = await createMachine();
  try {
    await machine.install();
    const { cri } = await startContainerd(machine);
    const calls = withCalls(machine);
    await succeeding(calls.ctr('images', 'import', join(machine.scratch, 'image.tar')));
    const close = async () => {
      cri.close();
      await machine.close();
    };
    return { ...calls, close };
  } catch (error) {
    await machine.close();
    throw error;
  }
}

/** What a program printed that must succeed. */
export async function succeeding(ran: Promise<Ran>): Promise<string> {
  const { code, stdout, stderr } = await ran;
  expect(code, `${stdout}${stderr}`).to.equal(0);
  return stdout;
}

function withCalls(machine: Machine): Omit<CtrMachine, 'close'> {
  const { scratch, cgroup, world } = machine;
  const ctr = (...args: string[]) => machine.run('ctr', ['--address', `${scratch}/containerd.sock`, ...args]);
  return {
    machine,
    configure: (...plugins) => {
      const list = { cniVersion: '1.0.0', name: 'net', plugins };
      writeFileSync(world.path('/etc/cni/net.d/10-net.conflist'), JSON.stringify(list));
    },
    ctr,
    run: (id, options, ...command) =>
      ctr('run', '--cni', '--cgroup', `${cgroup}/${id}`, ...options, image, id, ...command),
    // Beside it, since the namespace of a container is /proc/PID/ns/net to ctr.
    trestle: (...args) => machine.run('/opt/cni/bin/trestle', args, { env: { PATH } }),
    async expectNothingLeft(before) {
      expect(await succeeding(ctr('containers', 'list', '--quiet')), 'containers').to.equal('');
      expect(cgroupsBelow(cgroup), 'cgroups').to.deep.equal([]);
      expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
    },
  };
}
