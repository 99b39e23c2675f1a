import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import { installedNames } from '../support/installer';
import { runtimeFolder } from '../support/launched';
import { installedPlugins } from '../support/plugins';
import { PATH, run } from '../support/run';

const bridge = join(installedPlugins, 'bridge');
const version = { CNI_COMMAND: 'VERSION', PATH };
const supported = /"supportedVersions":\["0\.1\.0",.*"1\.1\.0"\]/;

/** What the program behind the launcher answers, asked without it. */
const programAnswer = (name: string) => {
  const runtime = runtimeFolder(installedPlugins);
  return run(join(runtime, 'node'), [join(runtime, 'trestle.cjs'), name], { env: version });
};

describe('the launcher, asked for VERSION', () => {
  it('answers under each name, to the byte as the program behind it does', async () => {
    for (const name of installedNames().filter((each) => each !== 'trestle')) {
      const answer = await run(join(installedPlugins, name), [], { env: version });
      expect(answer.stdout, name).to.match(supported);
      expect(answer).to.deep.equal(await programAnswer(name));
    }
  });

  it('answers by itself: it executes nothing, and asks no daemon', async () => {
    const calls = 'trace=execve,execveat,socket,connect,fork,vfork,clone,clone3';
    const { stdout, stderr } = await run('strace', ['-f', '-qq', '-e', calls, bridge], { env: version });
    expect(stdout).to.match(supported);
    expect(stderr.trim().split('\n'))
      .to.have.lengthOf(1)
      .and.to.match(/^execve\(/);
  });

  it('reads all of its input before it answers, as the caller expects who writes it', async () => {
    const { stdout, stderr } = await run('sh', ['-c', `{ head -c 300000 /dev/zero && echo all >&2; } | ${bridge}`], {
      env: version,
    });
    expect(stdout).to.match(supported);
    expect(stderr).to.equal('all\n');
  });

  it('reports an answer that nobody takes by its exit status, and not by a signal', async () => {
    const child = spawn(bridge, { env: version, stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdout.destroy();
    await once(child.stdout, 'close');
    child.stdin.end();
    expect(await once(child, 'close')).to.deep.equal([1, null]);
  });

  it('reports an answer that cannot be written, too', async () => {
    expect(await run('sh', ['-c', `${bridge} </dev/null >/dev/full`], { env: version })).to.include({ code: 1 });
  });

  it('leaves what cannot be read to the program', async () => {
    const { stdout, code } = await run('sh', ['-c', `${bridge} </`], { env: version });
    expect(code).to.equal(1);
    expect(JSON.parse(stdout)).to.deep.equal({ code: 5, msg: 'EISDIR: illegal operation on a directory, read' });
  });
});
