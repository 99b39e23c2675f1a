/*
 * What port mappings cost where there are many: an ADD and a DEL of the chain bridge, portmap on a node with none and on
 * one with MAPPED_PODS real attachments (2,000) on four bridges, by turns, with what the kernel itself needs there
 * (floor.c); and new connections through a host port beside 1,000 other mappings, ours against the reference's. Ends with 1
 * when a call fails; a missed target is only printed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { loadavg, release } from 'node:os';
import { join } from 'node:path';
import { compiled } from '../test/support/compile';
import { enter } from '../test/support/peers';
import { createWorld, type World } from '../test/support/world';
import { succeeding } from './contenders';
import { startDaemon } from './daemon';
import { type MappedNetwork, mappedNetwork } from './mapped';
import { floorNetwork, type Network } from './networks';
import { quantile } from './report';
import { startTimer } from './timer';

const ROUNDS = Number(process.env.MAPPING_ROUNDS ?? 30);
const PODS = Number(process.env.MAPPED_PODS ?? 2_000);
/** A Linux bridge takes 1,023 ports. */
const BRIDGES = 4;
const OTHERS = 1_000;
const CONNECTIONS = 2_000;

interface Node {
  world: World;
  run: Parameters<typeof mappedNetwork>[0]['run'];
  close(): Promise<void>;
}

/** A node with a daemon, or that of the reference. */
async function startNode(name: 'warm' | 'reference'): Promise<Node> {
  const world = await createWorld();
  const timer = await startTimer(world);
  const daemon = name === 'warm' ? await startDaemon(world) : undefined;
  const close = async () => {
    timer.stop();
    await daemon?.stop();
    await world.close();
  };
  return { world, run: (together, beside) => succeeding(timer, together, beside), close };
}

const portOf = (index: number): number => 10_000 + index;

/** Attachments that stay. */
async function crowd(node: Node, pods: number): Promise<void> {
  const networks: MappedNetwork[] = Array.from({ length: BRIDGES }, (_, index) =>
    mappedNetwork({ ...node, name: 'warm' }, `crowd${index}`, 110 + index),
  );
  for (let index = 0; index < pods; index++) {
    const pod = await node.world.addPod();
    const network = networks[index % BRIDGES] as MappedNetwork;
    await network.add({ pod, containerId: `crowd-${index}`, hostPorts: [portOf(index)] });
  }
}

type Times = Record<'ADD' | 'DEL' | 'floor', number[]>;

/** One node of those that are compared. */
async function subject(node: Node) {
  const network = mappedNetwork({ ...node, name: 'warm' }, 'one', 120);
  const floor: Network = await floorNetwork({ ...node, name: 'floor', faults: [], pods: async () => [] });
  const [pod, bare] = [await node.world.addPod(), await node.world.addPod()];
  const times: Times = { ADD: [], DEL: [], floor: [] };
  const round = async (index: number) => {
    const wanted = { pod, containerId: `one-${index}`, hostPorts: [portOf(0) - 1, portOf(0) - 2] };
    const { attachment, ms } = await network.add(wanted);
    times.ADD.push(ms);
    times.DEL.push(await network.del(wanted, attachment));
    times.floor.push((await node.run([floor.add(bare, `floor-${index}`)])).ms);
    const { hostEnd, ip } = floor.made(bare, '', '');
    await node.world.ip(`link delete ${hostEnd}`);
    rmSync(node.world.path(join(floor.place.leases, ip)));
  };
  return { times, round };
}

async function compareNodes(): Promise<void> {
  const nodes = [await startNode('warm'), await startNode('warm')];
  try {
    const [empty, crowded] = nodes as [Node, Node];
    await crowd(crowded, PODS);
    const subjects = [await subject(empty), await subject(crowded)];
    for (let index = 0; index <= ROUNDS; index++) for (const { round } of subjects) await round(index);
    const medians = subjects.map(({ times }) => {
      // The first round makes what is shared.
      const median = (what: keyof Times) => quantile(times[what].slice(1), 0.5);
      return { ADD: median('ADD'), DEL: median('DEL'), floor: median('floor') };
    });
    const [none, many] = medians as [Record<keyof Times, number>, Record<keyof Times, number>];
    for (const what of ['ADD', 'DEL'] as const) {
      const above = { none: none[what] - none.floor, many: many[what] - many.floor };
      console.log(
        `${what} of bridge, ipMasq, portmap with 2 ports: ${none[what].toFixed(1)} ms beside none, ${many[what].toFixed(1)} ms beside ${PODS} others (floor ${none.floor.toFixed(1)} and ${many.floor.toFixed(1)} ms)`,
      );
      verdict(`${what} above the floor, beside ${PODS} others against beside none`, above.many / above.none, 1.2);
    }
  } finally {
    for (const node of nodes) await node.close();
  }
}

function verdict(what: string, value: number, limit: number): void {
  console.log(`${value <= limit ? 'PASS' : 'MISS'}  ${what}: ${value.toFixed(2)} × (at most ${limit} ×)`);
}

/** A node that begins connections to a port of its own that leads to a pod, beside other mappings of another pod. */
async function connections(node: Node, name: 'warm' | 'reference') {
  const program = await compiled('connect', [join(__dirname, 'connect.c')], ['-O2', '-static']);
  const network = mappedNetwork({ ...node, name }, 'busy', 121);
  const [pod, other] = [await node.world.addPod(), await node.world.addPod()];
  const hostPorts = Array.from({ length: OTHERS }, (_, index) => portOf(index));
  await network.add({ pod: other, containerId: 'other', hostPorts });
  const { attachment } = await network.add({ pod, containerId: 'asked', hostPorts: [portOf(OTHERS)] });
  const server = spawn('nsenter', [...enter(node.world.keeper, pod), program, 'serve', '80'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(server.stdout, 'data');
  const gateway = attachment.ip.replace(/\.\d+\.\d+$/, '.0.1');
  const round = async (port: number, address: string): Promise<number> => {
    const args = ['ask', address, String(port), String(CONNECTIONS)];
    const { stdout, code, stderr } = await node.world.run(program, args);
    if (code !== 0) throw new Error(`${name}: ${stderr}`);
    return CONNECTIONS / (Number(stdout) / 1e9);
  };
  return {
    mapped: () => round(portOf(OTHERS), gateway),
    direct: () => round(80, attachment.ip),
    close: () => server.kill(),
  };
}

async function compareConnections(): Promise<void> {
  const names = ['warm', 'reference'] as const;
  const nodes = [await startNode('warm'), await startNode('reference')];
  try {
    const sides = await Promise.all(nodes.map((node, index) => connections(node, names[index] ?? 'warm')));
    const rates = names.map(() => ({ mapped: [] as number[], direct: [] as number[] }));
    for (let index = 0; index < 10; index++) {
      for (const [side, { mapped, direct }] of sides.entries()) {
        rates[side]?.mapped.push(await mapped());
        rates[side]?.direct.push(await direct());
      }
    }
    const [ours = 0, theirs = 0] = rates.map(({ mapped }) => quantile(mapped, 0.5));
    const direct = quantile(rates[0]?.direct ?? [], 0.5);
    console.log(
      `new connections per second through a host port beside ${OTHERS} others: ${ours.toFixed(0)}, the reference ${theirs.toFixed(0)} (without a mapping ${direct.toFixed(0)})`,
    );
    console.log(
      `      ${(ours / theirs).toFixed(2)} × the reference, ${(ours / direct).toFixed(2)} × without a mapping`,
    );
    for (const side of sides) side.close();
  } finally {
    for (const node of nodes) await node.close();
  }
}

async function main(): Promise<void> {
  const load = (loadavg()[0] ?? 0).toFixed(1);
  console.log(`date ${new Date().toISOString().slice(0, 10)}, kernel ${release()}, load ${load}\n`);
  await compareConnections();
  await compareNodes();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
