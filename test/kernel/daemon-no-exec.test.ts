import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { startDaemon } from '../support/daemon';
import { attach, chain, detach, findings } from '../support/portmapping';
import { createWorld } from '../support/world';

const mappings = [
  { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
  { hostPort: 53, containerPort: 53, protocol: 'udp' },
];

describe('A daemon', () => {
  it('executes nothing once it runs, with rules of iptables present', async () => {
    const world = await createWorld();
    const log = '/run/exec.log';
    const by = ['strace', '-D', '-f', '-qq', '-e', 'trace=execve,execveat', '-e', 'signal=none', '-o', log];
    const daemon = await startDaemon(world.keeper, world.plugins, { by });
    try {
      const rule = '-t nat -A POSTROUTING -s 10.9.0.0/16 -j MASQUERADE'.split(' ');
      expect(await world.run('iptables', rule)).to.include({ code: 0 });
      const programs = () => readFileSync(world.path(log), 'utf8').split('\n').length;
      const started = programs();
      const pod = await attach(world, { containerId: 'one', chain: chain(), mappings });
      expect(await findings(world, pod)).to.deep.equal([]);
      for (const _time of [1, 2]) await detach(world, pod);
      expect(await daemon.report()).to.deep.include({ claimed: 7, declined: {}, cold: {} });
      expect(programs()).to.equal(started);
    } finally {
      await daemon.end();
      await world.close();
    }
  });
});
