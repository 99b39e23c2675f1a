import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cniEnvironment, installedPlugins, referencePlugins } from '../test/support/plugins';
import type { World } from '../test/support/world';
import { attached, detached, leased, released } from './checks';
import type { Timer, Timing } from './timer';

export type Contender = 'trestle' | 'reference' | 'node';

/** Something that is measured once in a round: an ADD and the DEL that follows it, or one start of a program. */
export interface Case {
  /** "bridge" */
  name: string;
  contender: Contender;
  /** Only every so many rounds, where one takes seconds. */
  every: number;
  /** Makes what it needs before the first round. */
  prepare?(): Promise<void> | void;
  /** Runs it, checks the state after each call outside the clock, and returns milliseconds by what was timed. */
  measure(round: number): Promise<Record<string, number>>;
}

const directories = { trestle: installedPlugins, reference: referencePlugins };
type Implementation = keyof typeof directories;

/** The leases that are there already, for host-local alone. */
export const LEASES = [0, 1_000, 50_000];

export function allCases(world: World, timer: Timer): Case[] {
  const cases: Case[] = [bareNode(timer)];
  for (const contender of ['trestle', 'reference'] as const) {
    for (const ipMasq of [false, true]) {
      cases.push(bridge(world, timer, contender, ipMasq));
    }
    for (const leases of LEASES) {
      cases.push(hostLocal(world, timer, contender, leases));
    }
  }
  return cases;
}

/** The runtime that the installed launcher starts, doing nothing: what no cold ADD can be below. */
export function privateNode(): string {
  const launcher = readFileSync(join(installedPlugins, 'bridge'), 'latin1');
  const [, id] = launcher.match(/trestle-launcher=([\w.+-]+)/) ?? [];
  if (id === undefined) {
    throw new Error(`${installedPlugins}/bridge is not Trestle's`);
  }
  return join(installedPlugins, '.trestle', id, 'node');
}

function bareNode(timer: Timer): Case {
  const measure = async () => ({ start: succeeded(await timer.time([privateNode(), '-e', '0'], {}, '')).ms });
  return { name: 'node -e 0', contender: 'node', every: 1, measure };
}

function bridge(world: World, timer: Timer, contender: Implementation, ipMasq: boolean): Case {
  const name = `bench-${contender}${ipMasq ? '-masq' : ''}`;
  const octet = (contender === 'trestle' ? 100 : 102) + (ipMasq ? 1 : 0);
  const config = {
    cniVersion: '1.0.0',
    name,
    type: 'bridge',
    bridge: `bench${octet}`,
    isGateway: true,
    ipMasq,
    ipam: { type: 'host-local', ranges: [[{ subnet: `10.${octet}.0.0/16` }]], routes: [{ dst: '0.0.0.0/0' }] },
  };
  const pod = { name, path: `/run/netns/${name}` };
  const plugin = { type: 'bridge', contender, netns: pod.path };
  const place = { world, pod, bridge: config.bridge, leases: `/var/lib/cni/networks/${name}`, ipMasq };
  const measure = async (round: number) => {
    const containerId = `bench-${round}`;
    const added = await call(timer, { ...plugin, containerId }, 'ADD', config);
    const result = JSON.parse(added.output);
    const ip = await attached(place, result, containerId);
    const deleted = await call(timer, { ...plugin, containerId }, 'DEL', { ...config, prevResult: result });
    await detached(place, ip);
    return { ADD: added.ms, DEL: deleted.ms };
  };
  const prepare = async () => {
    await world.addPod(name);
  };
  return { name: ipMasq ? 'bridge, ipMasq' : 'bridge', contender, every: 1, prepare, measure };
}

function hostLocal(world: World, timer: Timer, contender: Implementation, leases: number): Case {
  const name = `bench-${leases}`;
  const dataDir = `/var/lib/cni/${contender}`;
  const range = [{ subnet: '10.64.0.0/14' }];
  const config = { cniVersion: '1.0.0', name, ipam: { type: 'host-local', dataDir, ranges: [range] } };
  const plugin = { type: 'host-local', contender, netns: '/run/netns/unused' };
  const measure = async (round: number) => {
    const containerId = `bench-${round}`;
    const added = await call(timer, { ...plugin, containerId }, 'ADD', config);
    const lease = leased(world, join(dataDir, name), JSON.parse(added.output), containerId);
    const deleted = await call(timer, { ...plugin, containerId }, 'DEL', config);
    released(world, lease);
    return { ADD: added.ms, DEL: deleted.ms };
  };
  // The reference reads every lease at each call.
  const every = contender === 'reference' && leases >= 10_000 ? 6 : 1;
  const prepare = () => fillLeases(world, join(dataDir, name), leases);
  return { name: `host-local, ${leases.toLocaleString('en')} leases`, contender, every, prepare, measure };
}

/** Leases of other containers, as either implementation writes them: `<id>\r\n<ifname>`, in a file named by the address. */
function fillLeases(world: World, directory: string, count: number): void {
  const folder = world.path(directory);
  mkdirSync(folder, { recursive: true });
  for (let i = 0; i < count; i++) {
    writeFileSync(join(folder, address(i)), `container-${i}\r\neth0`);
  }
  if (count > 0) {
    writeFileSync(join(folder, 'last_reserved_ip.0'), address(count - 1));
  }
}

/** The usable addresses of 10.64.0.0/14 in order, its gateway left out: 10.64.0.2 first. */
function address(index: number): string {
  const host = index + 2;
  return `10.${64 + (host >> 16)}.${(host >> 8) & 0xff}.${host & 0xff}`;
}

interface Plugin {
  type: string;
  contender: Implementation;
  netns: string;
  containerId: string;
}

async function call(timer: Timer, plugin: Plugin, command: string, config: object): Promise<Timing> {
  const directory = directories[plugin.contender];
  const env = cniEnvironment({ ...plugin, command }, directory);
  return succeeded(await timer.time([join(directory, plugin.type)], env, JSON.stringify(config)));
}

function succeeded(timing: Timing): Timing {
  if (timing.code !== 0) {
    throw new Error(`exit status ${timing.code}: ${timing.output}`);
  }
  return timing;
}
