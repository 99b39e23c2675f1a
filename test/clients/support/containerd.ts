import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { output, PATH } from '../../support/run';
import { configuration, type Places } from './containerd-config';
import { type Cri, connect } from './cri';
import { image, writeImage } from './image';
import type { Service } from './init';
import type { Machine } from './machine';

/** A containerd on a machine, and kubelet's connection to it. */
export interface Containerd {
  cri: Cri;
  /** What it has written since it was last started. */
  log(): string;
  /** Kills it; shims and pods live on. */
  kill(): Promise<void>;
  /** Starts it anew on what it has on disk. */
  start(): Promise<void>;
}

/** Starts containerd with {@link image} on a machine that ends it. Close its connection in `after`. */
export async function startContainerd(machine: Machine): Promise<Containerd> {
  const places: Places = {
    root: `${machine.scratch}/root`,
    // In /run, which a reboot empties.
    state: '/run/containerd',
    socket: `${machine.scratch}/containerd.sock`,
  };
  const file = `${machine.scratch}/config.toml`;
  writeFileSync(machine.world.path(file), configuration(await majorVersion(), places));
  const cri = connect(machine.world.path(places.socket));
  let service: Service;
  const start = async () => {
    service = machine.start('containerd', ['--config', file], { PATH });
    await untilAnswers(cri, () => service.log());
  };
  await start();
  await importImage(machine, places.socket, cri);
  return { cri, start, log: () => service.log(), kill: () => service.kill() };
}

/** `containerd github.com/containerd/containerd 1.6.20~ds1 …`, or "v2.1.0" in the third place */
async function majorVersion(): Promise<number> {
  const [, , version = ''] = (await output('containerd', ['--version'])).split(' ');
  return Number.parseInt(version.replace('v', ''), 10);
}

async function importImage(machine: Machine, socket: string, cri: Cri): Promise<void> {
  const archive = await writeImage(machine.world.path(machine.scratch));
  const inside = archive.slice(archive.indexOf(machine.scratch));
  const { code, stderr } = await machine.run('ctr', ['-a', socket, '-n', 'k8s.io', 'images', 'import', inside]);
  if (code !== 0) throw new Error(`ctr images import: ${stderr}`);
  await until('the image is known', async () => (await cri.call('ImageStatus', { image: { image } })).image !== null);
}

/** Its services answer one after the other; kubelet's is the last. */
function untilAnswers(cri: Cri, log: () => string): Promise<void> {
  const answers = () =>
    cri.call('Status', { verbose: false }).then(
      () => true,
      () => false,
    );
  return until('containerd answers', answers, log);
}

/** Waits at most 30 seconds. */
export async function until(what: string, holds: () => Promise<boolean>, log: () => string = () => ''): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}\n${log()}`);
    await sleep(50);
  }
}
