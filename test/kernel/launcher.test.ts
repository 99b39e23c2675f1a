import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { packages } from '../../package-lock.json';
import { installedNames } from '../support/installer';
import { type Launched, launchedProgram, runtimeFolder } from '../support/launched';
import { installedPlugins } from '../support/plugins';
import { PATH, run } from '../support/run';

/** Tells how it was started, as JSON. */
const teller = `
const fs = require('node:fs');
const fd = Number(process.env.TRESTLE_CALLER_ENVIRON);
const environ = Number.isNaN(fd) ? null : fs.readFileSync(fd, 'latin1').split('\\0').slice(0, -1);
const child = require('node:child_process').execFileSync('/bin/ls', ['/proc/self/fd'], { encoding: 'utf8' });
fs.writeSync(1, JSON.stringify({ argv: process.argv.slice(2), env: process.env, environ, fds: child.trim().split('\\n') }));
`;

const supported = /"supportedVersions":\["0\.1\.0",.*"1\.1\.0"\]/;

describe('the launcher', () => {
  let launched: Launched;
  before(() => {
    launched = launchedProgram(teller);
  });
  after(() => launched.remove());

  const told = async (name: string, env: Record<string, string>, args: string[] = []) => {
    const { stdout, stderr, code } = await run(join(launched.bin, name), args, { env });
    expect({ stderr, code }).to.deep.equal({ stderr: '', code: 0 });
    return JSON.parse(stdout);
  };

  it('starts the program under the name that it was called by, with its arguments', async () => {
    for (const name of installedNames()) expect((await told(name, {}, ['a', ''])).argv).to.deep.equal([name, 'a', '']);
  });

  it('knows its name through a symbolic link, and when argv[0] says nothing', async () => {
    const link = join(launched.bin, 'links');
    mkdirSync(link, { recursive: true });
    symlinkSync('../trestle', join(link, 'bridge'));
    expect((await told('links/bridge', {})).argv).to.deep.equal(['bridge']);
    const { stdout } = await run('bash', ['-c', `exec -a nonsense ${launched.bin}/loopback`]);
    expect(JSON.parse(stdout).argv).to.deep.equal(['loopback']);
  });

  it('does not ask a package.json above it what kind of module it is', async () => {
    writeFileSync(join(launched.bin, 'package.json'), '{"type": "module"}');
    expect((await told('bridge', {})).argv).to.deep.equal(['bridge']);
  });

  it('gives a plugin the variables of the protocol and a fixed PATH, and nothing else', async () => {
    const { env } = await told('bridge', {
      CNI_COMMAND: 'ADD',
      CNI_ARGS: 'A=b;C= d',
      PATH: '/x',
      HOME: '/root',
      CNI: '1',
    });
    const { TRESTLE_CALLER_ENVIRON: _, TRESTLE_BEGAN: __, BUN_ENABLE_CRASH_REPORTING: ___, ...rest } = env;
    expect(rest).to.deep.equal({ CNI_COMMAND: 'ADD', CNI_ARGS: 'A=b;C= d', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' });
  });

  it('tells a plugin when it was called, which was before its input had come', async () => {
    const before = Date.now();
    const slow = `sleep 0.2; date +%s%3N >&2`;
    const { stdout, stderr } = await run('sh', ['-c', `{ ${slow}; } | ${launched.bin}/bridge`]);
    const began = Number(JSON.parse(stdout).env.TRESTLE_BEGAN);
    expect(began).to.be.at.least(before).and.below(Number(stderr));
  });

  it('gives on the standard input as it came, of whatever bytes and however long', async () => {
    const input = randomBytes(700_000);
    const reader = launchedProgram(`
      const digest = require('node:crypto').createHash('sha256').update(require('node:fs').readFileSync(0)).digest('hex');
      require('node:fs').writeSync(1, digest);
    `);
    const { stdout } = await run(join(reader.bin, 'bridge'), [], { input });
    reader.remove();
    expect(stdout).to.equal(createHash('sha256').update(input).digest('hex'));
  });

  it('hands on the whole environment of the caller for delegates, however large', async () => {
    const large = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`V${i}`, `${i}=`.repeat(200)]));
    const env = { ...large, LD_PRELOAD: '', PATH: '/x', EMPTY: '', LINES: 'a\nb' };
    const { environ } = await told('bridge', env);
    expect(environ.sort()).to.deep.equal(
      Object.entries(env)
        .map(([key, value]) => `${key}=${value}`)
        .sort(),
    );
  });

  /** What a program has open that is started without the launcher, so that a descriptor of whoever runs this test does not count. */
  const usual = async () => (await run('/bin/ls', ['/proc/self/fd'])).stdout.trim().split('\n');

  it('leaks no descriptor to what the program executes', async () => {
    expect((await told('bridge', {})).fds).to.deep.equal(await usual());
  });

  it('keeps the environment of who runs the command, less what would change Node and what only the launcher may say', async () => {
    const env = {
      HOME: '/root',
      PATH,
      NODE_OPTIONS: '--x',
      NODE_PATH: '/x',
      LD_LIBRARY_PATH: '/x',
      SSL_CERT_FILE: '/x',
      TRESTLE_TOKEN: '0'.repeat(32),
      TRESTLE_BEGAN: '1',
    };
    const { env: own, environ } = await told('trestle', env);
    const { TRESTLE_CALLER_ENVIRON: _, ...rest } = own;
    expect(rest).to.deep.equal({ HOME: '/root', PATH });
    expect(environ, 'for what the command runs').to.have.members(Object.entries(env).map((it) => it.join('=')));
  });

  it('starts with any of the standard streams closed', async () => {
    for (const closed of ['<&-', '2>&-', '<&- 2>&-']) {
      const { stdout } = await run('sh', ['-c', `exec ${launched.bin}/bridge ${closed}`]);
      expect(JSON.parse(stdout).fds, closed).to.deep.equal(await usual());
    }
    expect(await run('sh', ['-c', `exec ${installedPlugins}/bridge <&- >&- 2>&-`])).to.include({
      signal: null,
      code: 1,
    });
  });

  it('answers with an error of the protocol when the runtime folder is gone', async () => {
    const runtime = runtimeFolder(launched.bin);
    renameSync(runtime, `${runtime}.away`);
    const { stdout, code } = await run(join(launched.bin, 'bridge'), [], { env: { CNI_COMMAND: 'ADD' } });
    renameSync(`${runtime}.away`, runtime);
    expect(code).to.equal(1);
    const { code: errorCode, msg } = JSON.parse(stdout);
    expect(errorCode).to.equal(5);
    expect(msg.replace(/(node|bun)(?=:)/, 'ENGINE')).to.equal(
      `cannot execute ${runtime}/ENGINE: No such file or directory`,
    );
  });

  it('starts a program whose code cache is accepted by its Node', async () => {
    const path = join(runtimeFolder(installedPlugins), 'program');
    const checker = launchedProgram(`
      const { readFileSync, writeSync } = require('node:fs');
      const { Script } = require('node:vm');
      const cachedData = readFileSync('${path}.cache');
      writeSync(1, String(new Script(readFileSync('${path}.js', 'latin1'), { cachedData }).cachedDataRejected));
    `);
    const { stdout } = await run(join(checker.bin, 'trestle'), []);
    checker.remove();
    expect(stdout).to.equal('false');
  });
});

describe('an installed plugin', () => {
  it('is a static program of less than a hundred kilobytes', async () => {
    const plugin = join(installedPlugins, 'bridge');
    expect(statSync(plugin).size).to.be.below(100_000);
    const { stdout } = await run('readelf', ['--program-headers', '--dynamic', plugin]);
    expect(stdout)
      .to.include('LOAD')
      .and.not.to.match(/INTERP|NEEDED/);
  });

  it('comes with the licence of each package that it is made of', () => {
    const folder = join(runtimeFolder(installedPlugins), 'licenses');
    const parts = Object.entries(
      packages as Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>,
    )
      .filter(([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional)
      .map(([path]) => path.replace('node_modules/', '').replace('@', '').replaceAll('/', '-'));
    expect(parts).to.include.members(['valibot', 'jsonc-parser', 'noble-hashes', 'node-addon-api', 'pino', 'tdigest']);
    const engines = ['node', 'bun'].filter((name) => existsSync(join(folder, '..', name)));
    for (const part of ['trestle', ...engines, ...parts]) {
      expect(readFileSync(join(folder, part), 'utf8'), part).to.match(/licen[sc]e|permission/i);
    }
    if (!engines.includes('bun')) return;
    const { version } = packages['node_modules/@oven/bun-linux-x64'];
    expect(readFileSync(join(folder, 'bun'), 'utf8'))
      .to.include(`/bun-v${version}/`)
      .and.to.include('LGPL-2.1');
  });

  it('comes with the texts of the licences that those only name', () => {
    const folder = join(runtimeFolder(installedPlugins), 'licenses');
    const notes = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    const named = notes.flatMap((note) => note.match(/(?<=common-licenses\/)[A-Za-z]+(-[\d.]*\d)?/g) ?? []);
    expect(named).to.include.members(['GPL-2', 'LGPL-2.1']);
    expect(readdirSync(folder)).to.include.members(named);
  });

  it('runs where there is nothing but itself: no Node, no libraries, no shell', () => {
    const root = mkdtempSync(join(tmpdir(), 'trestle-root-'));
    for (const folder of ['opt/cni/bin', 'proc', 'sys', 'dev', 'run', 'pod'])
      mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, 'dev/null'), '');
    const script = `
      set -e
      mount --make-rprivate /
      mount --rbind ${installedPlugins} ${root}/opt/cni/bin
      mount --bind /dev/null ${root}/dev/null
      mount -t proc proc ${root}/proc
      mount -t sysfs sys ${root}/sys
      mount -t tmpfs run ${root}/run
      touch ${root}/run/pod
      unshare --net=${root}/run/pod true
      CNI_COMMAND=VERSION chroot ${root} /opt/cni/bin/bridge
      echo '{"cniVersion":"1.0.0","name":"lo","type":"loopback"}' |
        CNI_COMMAND=ADD CNI_CONTAINERID=c CNI_IFNAME=lo CNI_NETNS=/run/pod CNI_PATH=/opt/cni/bin chroot ${root} /opt/cni/bin/loopback`;
    const unshare = ['--mount', '--net', '--pid', '--fork', '--mount-proc', 'sh', '-c', script];
    const { stdout, stderr, status } = spawnSync('unshare', unshare, { encoding: 'utf8', env: { PATH } });
    rmSync(root, { recursive: true });
    expect({ status, stderr }, stdout).to.deep.equal({ status: 0, stderr: '' });
    expect(stdout).to.match(supported).and.to.include('127.0.0.1/8');
  });

  describe('called from a hostile environment', () => {
    let folder: string;
    const evidence = () => existsSync(join(folder, 'evidence'));
    /** What would run code of the caller's in a Node that is not protected. */
    const hostile = () => ({
      NODE_OPTIONS: `--require=${folder}/evil.js`,
      NODE_EXTRA_CA_CERTS: `${folder}/missing.pem`,
      LD_PRELOAD: `${folder}/libnl-3.so.200`,
      LD_LIBRARY_PATH: `:${folder}`,
      LD_AUDIT: `${folder}/libnl-3.so.200`,
      EVIDENCE: join(folder, 'evidence'),
    });

    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'trestle-hostile-'));
      writeFileSync(join(folder, 'evil.js'), `require('node:fs').writeFileSync('${folder}/evidence', '');`);
      const library = `#include <stdlib.h>
        #include <fcntl.h>
        __attribute__((constructor)) static void evil(void) { open("${folder}/evidence", O_CREAT, 0600); }`;
      execFileSync('cc', ['-shared', '-fPIC', '-x', 'c', '-', '-o', join(folder, 'libnl-3.so.200')], {
        input: library,
      });
    });
    afterEach(() => rmSync(join(folder, 'evidence'), { force: true }));
    after(() => rmSync(folder, { recursive: true }));

    it('would run the code of the caller, were it a program like any other', () => {
      spawnSync('/bin/true', { env: hostile() });
      expect(evidence()).to.equal(true);
    });

    it('runs none of it, neither as a plugin nor as the command', () => {
      const lo = '{"cniVersion":"1.0.0","name":"lo","type":"loopback"}';
      const cni = { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'c', CNI_IFNAME: 'lo', CNI_NETNS: '/missing', CNI_PATH: '/x' };
      const options = { cwd: folder, encoding: 'utf8', input: lo } as const;
      const hadState = existsSync('/run/trestle');
      const plugin = spawnSync(join(installedPlugins, 'loopback'), { ...options, env: { ...hostile(), ...cni } });
      expect(JSON.parse(plugin.stdout).code).to.equal(3);
      expect(plugin.stderr).to.equal('');
      expect(existsSync('/run/trestle'), 'state of its own, for a namespace that is not there').to.equal(hadState);
      const command = spawnSync(join(installedPlugins, 'trestle'), ['version'], { ...options, env: hostile() });
      expect(command).to.include({ status: 0, stderr: '' });
      expect(evidence()).to.equal(false);
    });
  });
});
