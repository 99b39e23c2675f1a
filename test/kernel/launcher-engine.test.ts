import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { installedPlugins } from '../support/plugins';
import { output, PATH, type Ran, run } from '../support/run';

const plugin = join(installedPlugins, 'bridge');
const vm = (program: string): string => resolve(__dirname, '../vm', program);
/** No launcher answers this: an engine must have started. */
const env = { PATH, CNI_COMMAND: 'NONE' };

function errorOf({ code, stdout, stderr }: Ran): { code: number; msg: string } {
  expect({ code, stderr }, stdout).to.deep.equal({ code: 1, stderr: '' });
  return JSON.parse(stdout);
}

describe('a plugin answers, whichever engine it was built for,', () => {
  it('where there is no /proc, which it cannot do without', async () => {
    const script = 'mount -t tmpfs none /proc && exec "$0"';
    const { code, msg } = errorOf(await run('unshare', ['--mount', 'sh', '-c', script, plugin], { env }));
    expect(code).to.equal(5);
    expect(msg).to.match(/ENOENT.*\/proc\//);
  });

  it('on a processor without SSE4.2', async function () {
    if (process.arch !== 'x64') this.skip();
    this.timeout(300_000);
    const options = { env: { ...env, HOME: homedir() }, timeoutMs: 300_000 };
    // It says so where it has to download the kernel, which is not to be taken for what the plugin says.
    const kernel = await output(vm('fetch-kernel'), ['6.1'], options);
    // qemu's default processor is one.
    const args = ['--kernel', kernel.trim(), '--cpu', 'qemu64', '--timeout', '240', '--', plugin];
    const ran = await run(vm('vmrun'), args, options);
    expect(errorOf(ran)).to.deep.equal({ code: 4, msg: 'unknown CNI_COMMAND: NONE' });
  });
});
