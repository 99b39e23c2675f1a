import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { bridgeNetwork } from '../support/network';
import type { Pod } from '../support/peers';
import { type CniCall, cniEnvironment, cniInput, installedPlugins, referencePlugins } from '../support/plugins';
import { attach, bridged, chain, type Mapped, portmapCall } from '../support/portmapping';
import { savedTables } from '../support/reference-portmap';
import type { Ran } from '../support/run';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork({ cniVersion: '1.1.0', ipMasq: true });

/** Calls a plugin, whose launcher notes in the world what it executes. */
async function traced(world: World, type: string, call: CniCall): Promise<Ran> {
  const options = [
    '-f',
    '-qq',
    '-s',
    '4096',
    '-e',
    'trace=execve,execveat',
    '-e',
    'signal=none',
    '-o',
    '/run/exec.log',
  ];
  return world.run('strace', [...options, join(installedPlugins, type)], {
    env: cniEnvironment(call, installedPlugins),
    input: cniInput(call),
  });
}

/** The programs that the last call of {@link traced} has executed, in order, by their file names. */
function executed(world: World): string[] {
  const lines = readFileSync(world.path('/run/exec.log'), 'utf8')
    .trim()
    .split('\n')
    // A thread that ended with its process before strace had seen what it was about.
    .filter((line) => !line.includes('???('));
  return lines.map((line) => line.match(/execve(?:at)?\("([^"]+)"/)?.[1]?.replace(/^.*\//, '') ?? line);
}

describe('A plugin executes nothing but itself', () => {
  let world: World;
  let pod: Pod;

  before(async () => {
    world = await createWorld();
    pod = await world.addPod();
    const rules = ['-t nat -A POSTROUTING -s 10.9.0.0/16 -j MASQUERADE', '-A FORWARD -i br0 -j ACCEPT'];
    for (const rule of rules) expect(await world.run('iptables', rule.split(' '))).to.include({ code: 0 });
  });

  after(() => world.close());

  let prevResult: object | undefined;

  /** The programs that a call executes, in order, by their file names. */
  async function executedBy(command: string): Promise<string[]> {
    const call = { command, netns: pod, config: { ...config, ...(prevResult && { prevResult }) } };
    const ran = await traced(world, 'bridge', call);
    expect(ran.code, ran.stdout + ran.stderr).to.equal(0);
    if (command === 'ADD') prevResult = JSON.parse(ran.stdout);
    return executed(world);
  }

  for (const command of ['ADD', 'CHECK', 'DEL', 'GC', 'STATUS']) {
    it(`in ${command}: the launcher, and the loader that it becomes`, async () => {
      const before = await savedTables(world);
      expect(before).to.include('10.9.0.0/16');
      const [launcher, loader, ...more] = await executedBy(command);
      expect({ launcher, more }).to.deep.equal({ launcher: 'bridge', more: [] });
      expect(loader).to.match(/^ld-.*\.so/);
      expect(await savedTables(world)).to.equal(before);
      const { processes, locks } = await world.snapshot();
      expect({ processes, locks }).to.deep.equal({ processes: [], locks: [] });
    });
  }
});

describe('portmap executes nothing but itself, beside rules of iptables and a pod of the reference', () => {
  let world: World;
  let pod: Mapped;
  const wanted = (hostPort: number) => ({
    chain: chain(),
    mappings: ['tcp', 'udp'].map((protocol) => ({ hostPort, containerPort: 80, protocol })),
  });

  before(async () => {
    world = await createWorld();
    await attach(world, { containerId: 'neighbour', ...wanted(9000), plugins: referencePlugins });
    const rule = '-t nat -A PREROUTING -p tcp --dport 7000 -j DNAT --to-destination 10.9.0.1:80';
    expect(await world.run('iptables', rule.split(' '))).to.include({ code: 0 });
    pod = await bridged(world, { containerId: 'test', ...wanted(8080) });
  });

  after(() => world.close());

  const calls = { 'a DEL again': 'DEL', 'a second ADD': 'ADD' } as Record<string, string>;
  for (const what of ['ADD', 'CHECK', 'a second ADD', 'GC', 'STATUS', 'DEL', 'a DEL again'])
    it(`in ${what}: the launcher, and the loader that it becomes`, async () => {
      const before = await savedTables(world);
      expect(before).to.include('CNI-HOSTPORT-DNAT').and.to.include('7000');
      const ran = await traced(world, 'portmap', callOf(calls[what] ?? what));
      expect(ran.code, ran.stdout + ran.stderr).to.equal(0);
      const [launcher, loader, ...more] = executed(world);
      expect({ launcher, more }).to.deep.equal({ launcher: 'portmap', more: [] });
      expect(loader).to.match(/^ld-.*\.so/);
      expect(await savedTables(world)).to.equal(before);
    });

  it('in the DEL of a pod that the reference attached', async () => {
    const old = await attach(world, { containerId: 'old', ...wanted(9100), plugins: referencePlugins });
    expect(await savedTables(world)).to.include('id: \\"old\\"');
    const ran = await traced(world, 'portmap', portmapCall({ ...old, plugins: installedPlugins }, 'DEL'));
    expect(ran.code, ran.stdout + ran.stderr).to.equal(0);
    expect(executed(world)).to.have.length(2);
    expect(await savedTables(world)).to.not.include('id: \\"old\\"');
  });

  /** GC and STATUS are of version 1.1.0. */
  function callOf(command: string): CniCall {
    if (command !== 'GC' && command !== 'STATUS') return portmapCall(pod, command);
    const valid = [{ containerID: 'test', ifname: 'eth0' }];
    return { command, config: { ...pod.chain.portmap, cniVersion: '1.1.0', 'cni.dev/valid-attachments': valid } };
  }
});
