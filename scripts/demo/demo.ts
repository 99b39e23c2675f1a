/*
 * Two pods on a bridge, from a configuration file, through the installed plugins; in a world of namespaces of its own,
 * so that nothing on this machine changes. Usage: demo.ts [directory of plugins]
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sharedObjects } from '../../test/support/leftovers';
import type { Pod } from '../../test/support/peers';
import { type CniAnswer, installedPlugins } from '../../test/support/plugins';
import { diff, type Snapshot } from '../../test/support/snapshot';
import { createWorld, type World } from '../../test/support/world';
import { block, dim, heading, verdict } from './print';

const TRACE = '/run/trestle-demo/trace';

/** A network of one plugin, as a runtime reads it from its configuration directory. */
interface Network {
  type: string;
  ifname: string;
  config: Record<string, unknown>;
}

interface Attached {
  pod: Pod;
  network: Network;
  // biome-ignore lint/suspicious/noExplicitAny: printed as it came, and handed back as prevResult
  result: any;
}

/** What holds and what does not; the demo goes on after a failure and tells at its end. */
interface Demo {
  world: World;
  failures: string[];
}

function readNetwork(file: string, ifname: string): Network {
  const text = readFileSync(join(__dirname, 'net.d', file), 'utf8');
  const { cniVersion, name, plugins } = JSON.parse(text);
  return { type: plugins[0].type, ifname, config: { cniVersion, name, ...plugins[0] } };
}

function claim({ failures }: Demo, held: boolean, what: string): void {
  verdict(held, what);
  if (!held) {
    failures.push(what);
  }
}

/** Calls a plugin, says how long it took and shows what it did in the kernel. */
async function call(demo: Demo, command: string, attached: Omit<Attached, 'result'>, prevResult?: unknown) {
  const { pod, network } = attached;
  rmSync(demo.world.path(TRACE), { force: true });
  const start = performance.now();
  const answer = await demo.world.cni(network.type, {
    command,
    netns: pod,
    containerId: pod.name,
    ifname: network.ifname,
    config: { ...network.config, ...(prevResult !== undefined && { prevResult }) },
  });
  const took = (performance.now() - start).toFixed(1);
  claim(demo, answer.code === 0, `${command} ${network.ifname} of ${pod.name}: ${took} ms`);
  showTrace(demo.world);
  return answer;
}

function showTrace(world: World): void {
  try {
    block(dim(readFileSync(world.path(TRACE), 'utf8')));
  } catch {
    // Nothing was done in the kernel.
  }
}

function showAnswer({ code, stdout, stderr }: CniAnswer): void {
  block(code === 0 ? stdout : stdout + stderr);
}

async function addAll(demo: Demo, pods: Pod[], networks: Network[]): Promise<Attached[]> {
  const attached: Attached[] = [];
  for (const pod of pods) {
    heading(`ADD: ${pod.name}`);
    for (const network of networks) {
      const answer = await call(demo, 'ADD', { pod, network });
      showAnswer(answer);
      attached.push({ pod, network, result: answer.json });
    }
  }
  return attached;
}

async function pingAll(demo: Demo, attached: Attached[]): Promise<void> {
  heading('Ping');
  const [one, other] = attached.filter(({ network }) => network.ifname === 'eth0');
  const targets = (other?.result?.ips ?? []).flatMap(({ address, gateway }: { address: string; gateway: string }) => [
    { ip: address.replace(/\/.*/, ''), name: other?.pod.name },
    { ip: gateway, name: 'the gateway' },
  ]);
  claim(demo, targets.length === 4, 'two addresses and two gateways to ping');
  for (const { ip, name } of targets) {
    const start = performance.now();
    const answered = one !== undefined && (await demo.world.ping(one.pod, ip));
    claim(demo, answered, `${one?.pod.name} to ${name}, ${ip}: ${(performance.now() - start).toFixed(1)} ms`);
  }
}

async function callAll(demo: Demo, command: 'CHECK' | 'DEL', attached: Attached[]): Promise<void> {
  heading(command);
  for (const one of attached) {
    const answer = await call(demo, command, one, one.result);
    if (answer.code !== 0) {
      showAnswer(answer);
    }
  }
}

/** Compares the whole state with what was before the first ADD. */
function compare(demo: Demo, before: Snapshot, after: Snapshot): void {
  heading('What is left');
  const differences = diff(before, after);
  const shared = sharedObjects('demo0');
  const left = differences.filter((line) => !shared.some((pattern) => pattern.test(line)));
  claim(demo, left.length === 0, 'no link, address, route, rule, nftables element, lease, record or process of a pod');
  block(left.join('\n'));
  const kept = differences.length - left.length;
  console.log(dim(`  The bridge, its addresses and what else pods share stay (${kept} lines of the comparison).`));
}

async function demonstrate(demo: Demo): Promise<void> {
  const { world } = demo;
  heading('A bridge network from a file: scripts/demo/net.d/10-demo.conflist');
  block(readFileSync(join(__dirname, 'net.d/10-demo.conflist'), 'utf8'));
  mkdirSync(world.path('/run/trestle-demo'));
  const pods = [await world.addPod('pod-a'), await world.addPod('pod-b')];
  const before = await world.snapshot();

  const networks = [readNetwork('10-demo.conflist', 'eth0'), readNetwork('99-loopback.conflist', 'lo')];
  const attached = await addAll(demo, pods, networks);
  await pingAll(demo, attached);
  await callAll(demo, 'CHECK', attached);
  await callAll(demo, 'DEL', attached.reverse());

  rmSync(world.path(TRACE), { force: true });
  compare(demo, before, await world.snapshot());
}

async function main(): Promise<void> {
  const demo: Demo = { world: await createWorld({ plugins: process.argv[2] ?? installedPlugins }), failures: [] };
  try {
    await demonstrate(demo);
  } finally {
    await demo.world.close();
  }
  heading(demo.failures.length === 0 ? 'All of it held.' : `Did not hold: ${demo.failures.join('; ')}`);
  process.exitCode = demo.failures.length === 0 ? 0 : 1;
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
