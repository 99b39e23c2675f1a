import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { bridgeNetwork } from '../support/network';
import type { Pod } from '../support/peers';
import { cniEnvironment, cniInput, installedPlugins } from '../support/plugins';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork({ cniVersion: '1.1.0', ipMasq: true });

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
    const strace = [
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
    const ran = await world.run('strace', [...strace, join(installedPlugins, 'bridge')], {
      env: cniEnvironment(call, installedPlugins),
      input: cniInput(call),
    });
    expect(ran.code, ran.stdout + ran.stderr).to.equal(0);
    if (command === 'ADD') prevResult = JSON.parse(ran.stdout);
    const lines = readFileSync(world.path('/run/exec.log'), 'utf8').trim().split('\n');
    return lines.map((line) => line.match(/execve(?:at)?\("([^"]+)"/)?.[1]?.replace(/^.*\//, '') ?? line);
  }

  const iptables = async () => (await world.run('iptables-save', [])).stdout.replaceAll(/^#.*\n|\[\d+:\d+\]/gm, '');

  for (const command of ['ADD', 'CHECK', 'DEL', 'GC', 'STATUS']) {
    it(`in ${command}: the launcher, and the loader that it becomes`, async () => {
      const before = await iptables();
      expect(before).to.include('10.9.0.0/16');
      const [launcher, loader, ...more] = await executedBy(command);
      expect({ launcher, more }).to.deep.equal({ launcher: 'bridge', more: [] });
      expect(loader).to.match(/^ld-.*\.so/);
      expect(await iptables()).to.equal(before);
      const { processes, locks } = await world.snapshot();
      expect({ processes, locks }).to.deep.equal({ processes: [], locks: [] });
    });
  }
});
