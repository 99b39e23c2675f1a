import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { installedPlugins } from '../support/plugins';
import { run } from '../support/run';

/** The program's own answer, which no launcher gives. */
const answer = { code: 4, msg: 'unknown CNI_COMMAND: NONE' };
const plugin = join(installedPlugins, 'bridge');

describe('the folder that a plugin is called in', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'trestle-folder-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const call = async (command: string, env: Record<string, string> = {}) => {
    const { stdout, stderr, code } = await run('sh', ['-c', command, 'sh', plugin], {
      env: { CNI_COMMAND: 'NONE', ...env },
    });
    expect(stderr).to.equal('');
    expect(code).to.equal(1);
    return JSON.parse(stdout);
  };

  it('gives the program nothing that Node or Bun would read there, and neither do their variables', async () => {
    const trace = join(folder, 'trace');
    const trap = join(folder, 'trap.js');
    writeFileSync(trap, `require('node:fs').writeFileSync(${JSON.stringify(trace)}, '')`);
    writeFileSync(join(folder, 'bunfig.toml'), 'preload = ["./trap.js"]\n');
    writeFileSync(join(folder, 'package.json'), '{"type": "module", "main": "trap.js"}');
    const traps = { NODE_OPTIONS: `--require ${trap}`, BUN_OPTIONS: `--preload ${trap}`, BUN_BE_BUN: '1' };
    for (const name of ['.env', '.env.local', '.env.production']) {
      writeFileSync(join(folder, name), 'CNI_COMMAND=VERSION\nCNI_PATH=/x\nBUN_BE_BUN=1\n');
    }
    expect(await call(`cd ${folder} && exec "$1" --preload ${trap}`, traps)).to.deep.equal(answer);
    expect(existsSync(trace)).to.equal(false);
  });

  it('may be gone', async () => {
    const gone = join(folder, 'gone');
    expect(await call(`mkdir ${gone} && cd ${gone} && rmdir ${gone} && exec "$1"`)).to.deep.equal(answer);
  });
});
