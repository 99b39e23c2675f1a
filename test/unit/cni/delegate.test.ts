import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type DelegateCall, execDelegate } from '../../../lib/cni/delegate';
import { errorOf } from './support';

const stdin = Buffer.from('{"cniVersion":"1.0.0","name":"net"}');

describe('a delegate', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'delegate-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Puts a shell script in the folder and calls it. */
  function call(script: string, changes: Partial<DelegateCall> = {}): ReturnType<typeof execDelegate> {
    writeFileSync(join(folder, 'ipam'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return execDelegate({ type: 'ipam', path: [folder], command: 'ADD', env: {}, stdin, ...changes });
  }

  it('gives its result for ADD', async () => {
    expect(await call(`echo '{"cniVersion":"0.2.0","ip4":{"ip":"10.1.2.3/24"}}'`)).to.deep.equal({
      ips: [{ address: '10.1.2.3/24' }],
    });
  });

  it('that names no version answers in that of the configuration', async () => {
    expect(await call(`echo '{"ips":[{"address":"10.1.2.3/24"}]}'`)).to.deep.equal({
      ips: [{ address: '10.1.2.3/24' }],
    });
  });

  it('gives nothing for other commands, whatever it prints', async () => {
    expect(await call('echo x', { command: 'DEL' })).to.equal(undefined);
  });

  it('gets the configuration, the whole environment, the command and no arguments', async () => {
    const seen = join(folder, 'seen');
    const env = { FOO: 'a b', CNI_COMMAND: 'ADD', GONE: undefined };
    await call(`echo "$# $FOO $CNI_COMMAND \${GONE-unset}" > ${seen}; /bin/cat >> ${seen}`, { command: 'DEL', env });
    expect(readFileSync(seen, 'utf8')).to.equal(`0 a b DEL unset\n${stdin}`);
  });

  it('may leave its input unread', async () => {
    const config = { cniVersion: '1.0.0', padding: 'x'.repeat(1_000_000) };
    expect(await call('echo {}', { stdin: Buffer.from(JSON.stringify(config)) })).to.deep.equal({});
  });

  it('writes its stderr where the caller says', async () => {
    const path = join(folder, 'stderr');
    const stderr = openSync(path, 'w');
    await call('echo warning >&2; echo {}', { stderr });
    closeSync(stderr);
    expect(readFileSync(path, 'utf8')).to.equal('warning\n');
  });

  it('is looked for along the path; folders, and what is only a folder, are passed over', async () => {
    mkdirSync(join(folder, 'first', 'ipam'), { recursive: true });
    expect(await call('echo {}', { path: ['/nonexistent', join(folder, 'first'), folder] })).to.deep.equal({});
  });

  it('that is nowhere on the path is an error in the words of libcni', async () => {
    const path = ['/nonexistent', folder];
    expect(await errorOf(() => execDelegate({ type: 'none', path, command: 'ADD', env: {}, stdin }))).to.deep.equal({
      code: 999,
      msg: `failed to find plugin "none" in path [/nonexistent ${folder}]`,
      details: '',
    });
  });

  for (const type of ['', '.', '..', '../ipam', 'a/b', '/bin/sh', 'a\0']) {
    it(`is not called ${JSON.stringify(type)}`, async () => {
      const msg = `invalid plugin name: ${JSON.stringify(type)}`;
      expect(await errorOf(() => call('echo {}', { type }))).to.include({ code: 7, msg });
    });
  }

  it('that cannot be executed is named', async () => {
    await call('echo {}');
    chmodSync(join(folder, 'ipam'), 0o644);
    const again = () => execDelegate({ type: 'ipam', path: [folder], command: 'ADD', env: {}, stdin });
    expect(await errorOf(again)).to.include({
      code: 999,
      msg: `failed to run plugin "ipam" (${join(folder, 'ipam')})`,
    });
  });

  it('that fails gives its own code, message and details', async () => {
    const script = `echo '{"code":11,"msg":"pool busy","details":"lock"}'; exit 1`;
    expect(await errorOf(() => call(script))).to.deep.equal({ code: 11, msg: 'pool busy', details: 'lock' });
  });

  it('that fails without a word is an error in the words of libcni', async () => {
    const msg = 'netplugin failed with no error message: exit status 3';
    expect(await errorOf(() => call('exit 3'))).to.include({ code: 999, msg });
    expect((await errorOf(() => call('kill -9 $$'))).msg).to.equal(
      'netplugin failed with no error message: signal: SIGKILL',
    );
  });

  it('that fails with anything but JSON is quoted', async () => {
    const { code, msg } = await errorOf(() => call('echo panic; exit 2'));
    expect(code).to.equal(999);
    expect(msg).to.match(/^netplugin failed but error parsing its diagnostic message "panic\\n": ./);
    expect((await errorOf(() => call('echo 5; exit 2'))).msg).to.match(/"5\\n": not an object$/);
  });

  it('that prints no result has failed', async () => {
    const { code, msg } = await errorOf(() => call('true'));
    expect(code).to.equal(6);
    expect(msg).to.match(/^invalid result of "ipam": ./);
  });

  it('that prints null has an empty result, as in libcni', async () => {
    expect(await call('echo null')).to.deep.equal({});
  });

  it('that prints a broken result is named with the field', async () => {
    expect(await errorOf(() => call(`echo '{"ips":[{"address":5}]}'`))).to.include({
      code: 6,
      msg: 'invalid result of "ipam": "ips[0].address": expected an IP address with a prefix length, such as 10.1.2.3/24, found 5',
    });
  });

  it('that prints without end is ended', async () => {
    expect(await errorOf(() => call('exec /usr/bin/yes'))).to.include({
      code: 6,
      msg: 'invalid result of "ipam": it has more than 16777216 bytes',
    });
  });

  it('that fails with something else than a code and a text is told as far as it can be', async () => {
    for (const code of ['1e999', '-1', '0', '1.5', '"7"', '{}']) {
      const said = { code: 999, msg: '{"a":1}', details: '[2]' };
      expect(await errorOf(() => call(`echo '{"code":${code},"msg":{"a":1},"details":[2]}'; exit 1`))).to.deep.equal(
        said,
      );
    }
  });

  it('in a folder that is named from here is run from there, and not by its name along PATH', async () => {
    const here = process.cwd();
    mkdirSync(join(folder, 'there'));
    writeFileSync(join(folder, 'there', 'id'), `#!/bin/sh\necho '{"dns":{"domain":"right"}}'\n`, { mode: 0o755 });
    process.chdir(join(folder, 'there'));
    try {
      for (const path of ['.', '../there']) {
        expect(await call('', { type: 'id', path: [path] })).to.deep.equal({ dns: { domain: 'right' } });
      }
    } finally {
      process.chdir(here);
    }
  });

  it('that is neither a program nor a script is not given to a shell', async () => {
    const path = join(folder, 'text');
    writeFileSync(path, `touch ${folder}/shell`, { mode: 0o755 });
    expect(await errorOf(() => call('', { type: 'text' }))).to.include({
      code: 999,
      msg: `failed to run plugin "text" (${path})`,
    });
    writeFileSync(path, '', { mode: 0o755 });
    expect(await errorOf(() => call('', { type: 'text' }))).to.include({ code: 999 });
    expect(existsSync(join(folder, 'shell'))).to.equal(false);
  });

  it('that is being written is tried again', async () => {
    await call('echo {}');
    const writer = openSync(join(folder, 'ipam'), 'r+');
    setTimeout(() => closeSync(writer), 100);
    const again = { type: 'ipam', path: [folder], command: 'ADD', env: {}, stdin } as const;
    expect(await execDelegate(again)).to.deep.equal({});
  });

  it('does not run on for a caller who has hung up before', async () => {
    const error = await errorOf(() => call('exec /bin/sleep 60', { signal: AbortSignal.abort() }));
    expect(error.msg).to.equal('plugin "ipam" was interrupted');
  });

  it('is killed when the caller hangs up, and waited for', async () => {
    const abort = new AbortController();
    const pid = join(folder, 'pid');
    const running = call(`echo $$ > ${pid}; exec sleep 60`, { signal: abort.signal, env: { PATH: '/usr/bin:/bin' } });
    setTimeout(() => abort.abort(), 100);
    expect(await errorOf(() => running)).to.include({ code: 999, msg: 'plugin "ipam" was interrupted' });
    expect(() => process.kill(Number(readFileSync(pid, 'utf8')), 0)).to.throw('ESRCH');
  });
});
