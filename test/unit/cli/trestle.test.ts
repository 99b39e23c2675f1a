import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { trestle } from '../../../lib/cli/trestle';
import { surroundings } from '../../../lib/process';
import { version } from '../../../package.json';

describe('The trestle command', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'trestle-cli-'));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  async function call(...args: string[]) {
    const [out, err]: [string[], string[]] = [[], []];
    const status = await trestle({
      ...surroundings(),
      args,
      readStdin: () => Buffer.alloc(0),
      env: { NETCONFPATH: folder },
      out: (text) => void out.push(text),
      err: (text) => void err.push(text),
      outIsTerminal: false,
      errIsTerminal: false,
    });
    return { status, out: out.join(''), err: err.join('').replaceAll(`${folder}/`, '') };
  }

  it('answers with help when it is asked for, or for nothing', async () => {
    for (const args of [[], ['help'], ['--help'], ['-h']]) {
      const { status, out, err } = await call(...args);
      expect([status, err]).to.deep.equal([0, '']);
      expect(out).to.match(new RegExp(`^trestle ${version}: CNI plugins for Linux\n`));
    }
    const [byWord, byOption] = [await call('help', 'run'), await call('run', '--help')];
    expect(byWord.out).to.match(/^trestle run: /);
    expect(byOption).to.deep.equal(byWord);
  });

  it('serves a request as a plugin', async () => {
    const { status, out, err } = await call('plugin', 'bridge');
    expect([status, JSON.parse(out), err]).to.deep.equal([1, { code: 4, msg: 'unknown CNI_COMMAND: ' }, '']);
  });

  it('says its version and its plugins', async () => {
    for (const word of ['version', '--version']) expect((await call(word)).out).to.equal(`${version}\n`);
    expect((await call('plugins')).out.split('\n')).to.include.members(['bridge', 'host-local', 'loopback', 'static']);
  });

  const mistakes: Record<string, [args: string[], complaint: string]> = {
    'a command that is none': [['fly'], 'trestle: no command "fly"; see trestle help\n'],
    'help of a command that is none': [['help', 'fly'], 'trestle: no command "fly"; see trestle help\n'],
    'a plugin that is none': [
      ['plugin', 'fly'],
      'trestle: plugin: no plugin of type "fly"; see trestle plugin --help\n',
    ],
    'no plugin': [['plugin'], 'trestle: plugin: TYPE is missing; see trestle plugin --help\n'],
    'an operand that is missing': [['add', 'mynet'], 'trestle: add: NETNS is missing; see trestle add --help\n'],
    'an option that is none': [['del', '--all'], "trestle: del: unknown option '--all'; see trestle del --help\n"],
  };
  for (const [title, [args, complaint]] of Object.entries(mistakes)) {
    it(`ends with 2 for ${title}`, async () => {
      expect(await call(...args)).to.deep.equal({ status: 2, out: '', err: complaint });
    });
  }

  it('ends with 1 for what cannot be done, and says why in a line', async () => {
    expect(await call('status', 'mynet')).to.deep.equal({
      status: 1,
      out: '',
      err: `trestle: no network configuration in ${folder}\n`,
    });
    writeFileSync(join(folder, '10.conflist'), '{}');
    expect((await call('status', 'mynet')).err).to.equal(
      `trestle: 10.conflist:1:1: missing network name\ntrestle: no network configuration in ${folder} can be used\n`,
    );
    writeFileSync(join(folder, '20.conf'), '{ "name": "other", "type": "loopback" }');
    writeFileSync(join(folder, '30.conf'), '{ "type": "loopback" }');
    expect((await call('status', 'mynet')).err).to.match(/\ntrestle: no network "mynet" in .*: there is "other"\n$/);
    rmSync(join(folder, '20.conf'));
    expect((await call('status', '')).err).to.match(/\ntrestle: no network "" in .*: there is none that has a name\n$/);
  });

  it('tells a program of that by the error object of the specification', async () => {
    const { status, out, err } = await call('status', '--json', 'mynet');
    expect([status, JSON.parse(out), err]).to.deep.equal([
      1,
      { code: 999, msg: `no network configuration in ${folder}` },
      '',
    ]);
  });

  describe('networks', () => {
    beforeEach(() => {
      writeFileSync(join(folder, '10.conflist'), '{ "name": "a", "plugins": [{ "type": "x" }, { "type": "y" }] }');
      writeFileSync(join(folder, '99.conf'), '{ "cniVersion": "0.2.0", "type": "loopback" }');
    });

    it('lists them, a line each', async () => {
      expect(await call('networks')).to.deep.equal({
        status: 0,
        out: `a\t-\tx,y\t${folder}/10.conflist\n-\t0.2.0\tloopback\t${folder}/99.conf\n`,
        err: '',
      });
    });

    it('names the files that cannot be used, and ends with 1', async () => {
      writeFileSync(join(folder, '20.conflist'), '{\n  "name" }');
      const { status, out, err } = await call('networks');
      expect([status, out.split('\n').length, err]).to.deep.equal([1, 3, 'trestle: 20.conflist:2:10: expected ":"\n']);
    });

    it('lists both for a program', async () => {
      writeFileSync(join(folder, '20.conflist'), '{\n  "name" }');
      expect(JSON.parse((await call('networks', '--json')).out)).to.deep.equal({
        networks: [
          { name: 'a', cniVersion: '', plugins: ['x', 'y'], file: `${folder}/10.conflist` },
          { name: '', cniVersion: '0.2.0', plugins: ['loopback'], file: `${folder}/99.conf` },
        ],
        faults: [{ file: `${folder}/20.conflist`, line: 2, column: 10, reason: 'expected ":"' }],
      });
    });
  });
});
