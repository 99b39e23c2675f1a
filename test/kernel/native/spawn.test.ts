import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { enter, type Pod } from '../../support/peers';
import { PATH, type Ran } from '../../support/run';
import { createWorld, type World } from '../../support/world';
import { runScript } from './support';

describe('programs in a network namespace', () => {
  let world: World;
  let pod: Pod;
  before(async () => {
    world = await createWorld();
    pod = await world.addPod();
  });
  after(() => world.close());

  /** Runs `script` in the world; `spawn(…args)` there starts a program in the pod, and `say` prints JSON. */
  function inWorld(script: string, wrapper: string[] = []): Promise<Ran> {
    const whole = `
      const addon = load(process.argv[1]);
      const env = ['PATH=${PATH}', 'GREETING=good day'];
      const spawn = (...args) => addon.spawn({ netns: ${JSON.stringify(pod.path)}, args, env });
      const say = (what) => console.log(JSON.stringify(what));
      (async () => { ${script} })();
    `;
    return runScript(whole, [], ['nsenter', ...enter(world.keeper), ...wrapper]);
  }

  async function answerOf(script: string): Promise<unknown> {
    const { stdout, stderr } = await inWorld(script);
    expect(stderr).to.equal('');
    return JSON.parse(stdout);
  }

  /** What a shell in the pod prints for this script, and how it ended. */
  const shell = (script: string, wrapper?: string[]) =>
    inWorld(`say(await addon.wait((await spawn('sh', '-c', ${JSON.stringify(script)})).pid));`, wrapper);

  it('are in that namespace, and every thread of the caller stays in its own', async () => {
    const { stdout } = await inWorld(`
      const { readdirSync, readlinkSync } = require('node:fs');
      const { pid } = await spawn('sleep', '60');
      const links = readdirSync('/proc/self/task').map((it) => readlinkSync('/proc/self/task/' + it + '/ns/net'));
      addon.signal(pid, 9);
      await addon.wait(pid);
      say([new Set(links).size, readlinkSync('/proc/self/ns/net') === links[0]]);
    `);
    // Two namespaces: its own and that of the thread that waits.
    expect(JSON.parse(stdout)).to.deep.equal([2, true]);
    expect((await shell('readlink /proc/self/ns/net')).stdout).to.match(
      new RegExp(`^net:\\[${(await world.run('stat', ['-Lc', '%i', pod.path])).stdout.trim()}\\]\n`),
    );
  });

  it('see the links of the namespace in /sys, which stays as it is for everybody else', async () => {
    await world.ip('link add only-host type bridge');
    const before = (await world.run('cat', ['/proc/self/mountinfo'])).stdout.split('\n').length;
    expect((await shell('ls /sys/class/net')).stdout).to.equal('lo\n{"status":0}\n');
    expect((await world.run('cat', ['/proc/self/mountinfo'])).stdout.split('\n')).to.have.length(before);
  });

  it('have the standard streams and the environment, and nothing more', async () => {
    const inherited = (await world.run('ls', ['/proc/self/fd'])).stdout;
    const { stdout, stderr } = await shell('echo "$GREETING, $HOME"; echo oh >&2; exec ls /proc/self/fd');
    expect(stdout).to.equal(`good day, \n${inherited}{"status":0}\n`);
    expect(stderr).to.equal('oh\n');
  });

  it('find every signal as it is by default', async () => {
    const { stdout } = await shell('exec sed -n "/^Sig[BIC]/p" /proc/self/status', ['env', '--ignore-signal=INT,HUP']);
    const sets = [...stdout.matchAll(/^(Sig\w+):\t(\w+)$/gm)].map(([, name, bits]) => [name, BigInt(`0x${bits}`)]);
    // 32 and 33 are glibc's own, which nobody can reset by it: its posix_spawn, and so make, leaves them ignored.
    const others = Object.fromEntries(sets.map(([name, bits]) => [name, (bits as bigint) & ~0x1_8000_0000n]));
    expect(others).to.deep.equal({ SigBlk: 0n, SigIgn: 0n, SigCgt: 0n });
  });

  for (const [script, ending] of [
    ['exit 0', { status: 0 }],
    ['exit 255', { status: 255 }],
    ['kill -TERM $$', { signal: 15 }],
    ['kill -KILL $$', { signal: 9 }],
    ['kill -64 $$', { signal: 64 }],
  ] as const) {
    it(`tell how they ended: ${script}`, async () => {
      expect(JSON.parse((await shell(script)).stdout)).to.deep.equal(ending);
    });
  }

  for (const [program, errno, message] of [
    ['no-such-program', 'ENOENT', 'No such file or directory'],
    ['/etc/passwd', 'EACCES', 'Permission denied'],
    ['/proc', 'EACCES', 'Permission denied'],
  ]) {
    it(`say why they cannot be run: ${program}`, async () => {
      const { fault } = (await answerOf(`say(await spawn('${program}'));`)) as { fault: object };
      expect(fault).to.include({ op: `run ${program}`, errno, message, extack: '' });
    });
  }

  it('may be scripts without an interpreter line, as with execvp', async () => {
    writeFileSync(world.path('/run/script'), 'echo from a script\n', { mode: 0o755 });
    const { stdout } = await inWorld(`say(await addon.wait((await spawn('/run/script')).pid));`);
    expect(stdout).to.equal('from a script\n{"status":0}\n');
  });

  it('take arguments of 100,000 bytes', async () => {
    const { stdout } = await inWorld(
      `say(await addon.wait((await spawn('sh', '-c', 'echo \${#1}', '-', 'x'.repeat(100000))).pid));`,
    );
    expect(stdout).to.equal('100000\n{"status":0}\n');
  });

  it('are not run where there is no such namespace', async () => {
    const fault = await answerOf(
      `addon.spawn({ netns: '/run/nosuch', args: ['true'], env }).catch(({ op, errno }) => say({ op, errno }));`,
    );
    expect(fault).to.deep.equal({ op: 'open network namespace /run/nosuch', errno: 'ENOENT' });
  });

  it('get signals until they have ended, and no other process does', async () => {
    const answer = await answerOf(`
      const { pid } = await spawn('sleep', '60');
      const others = [addon.signal(process.pid, 9), addon.signal(-1, 9), addon.signal(0, 9), addon.signal(1, 9)];
      const sent = addon.signal(pid, 15);
      const ending = await addon.wait(pid);
      say([others, sent, ending, addon.signal(pid, 9)]);
    `);
    expect(answer).to.deep.equal([[false, false, false, false], true, { signal: 15 }, false]);
  });

  it('are waited for once, and nothing else is', async () => {
    const answer = await answerOf(`
      const { pid } = await spawn('true');
      const first = await addon.wait(pid);
      const complain = ({ op, message }) => op.replace(pid, 'PID') + ': ' + message;
      say([first, await addon.wait(pid).catch(complain), await addon.wait(1).catch(complain)]);
    `);
    expect(answer).to.deep.equal([
      { status: 0 },
      'wait for process PID: this is no program that was started',
      'wait for process 1: this is no program that was started',
    ]);
  });

  it('run side by side with those of Node, each waited for by its own', async () => {
    const answer = await answerOf(`
      const { spawn: start } = require('node:child_process');
      const ours = Array.from({ length: 20 }, async (_, i) => addon.wait((await spawn('sh', '-c', 'exit ' + i)).pid));
      const nodes = Array.from({ length: 20 }, (_, i) => new Promise((resolve) => {
        start('sh', ['-c', 'exit ' + i]).on('close', resolve);
      }));
      say([await Promise.all(ours), await Promise.all(nodes)]);
    `);
    const numbers = Array.from({ length: 20 }, (_, i) => i);
    expect(answer).to.deep.equal([numbers.map((status) => ({ status })), numbers]);
  });

  for (const [how, script] of [
    ['is killed', 'process.kill(process.pid, 9);'],
    ['exits', 'process.exit(0);'],
    ['throws', 'setImmediate(() => { throw new Error("on purpose"); });'],
  ]) {
    it(`end when their parent ${how}`, async () => {
      const { stdout } = await inWorld(`
        const { pid } = await spawn('sh', '-c', 'trap "" TERM HUP; exec sleep 60');
        say(pid);
        addon.wait(pid);
        await new Promise((resolve) => setTimeout(resolve, 50));
        ${script}
      `);
      const pid = stdout.trim();
      for (let tries = 0; tries < 100 && isAlive(pid); tries++) await sleep(10);
      expect(isAlive(pid)).to.equal(false);
    });
  }
});

function isAlive(pid: string): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
