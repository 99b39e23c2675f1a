import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { installedNames, makePackage, type Package, tree } from '../support/installer';
import { PATH, run } from '../support/run';
import { parseUnit } from '../support/units';

const unitNames = ['trestle.service', 'trestle.socket'];

/** Runs a target on what is built, which counts as up to date. */
function make(target: string, ...variables: string[]) {
  return run('make', [target, '-C', resolve(__dirname, '../..'), '-o', 'build/runtime/id', ...variables]);
}

describe("make install and the daemon's units", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'trestle-install-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const units = (folder: string) => Object.keys(tree(join(root, folder))).filter((name) => name.startsWith('trestle'));
  const started = (folder: string) =>
    parseUnit(readFileSync(join(root, folder, 'trestle.service'), 'utf8')).get('Service.ExecStart');

  it('puts them where systemd is, starting the daemon where the node will have it, and uninstall removes them', async () => {
    mkdirSync(join(root, 'etc/systemd/system'), { recursive: true });
    writeFileSync(join(root, 'etc/systemd/system/other.service'), '');
    const before = tree(root);
    expect(await make('install', `DESTDIR=${root}`, 'CNI_BIN=/x/bin')).to.include({ code: 0, stderr: '' });
    expect(units('etc/systemd/system')).to.deep.equal(unitNames);
    expect(started('etc/systemd/system')).to.deep.equal(['/x/bin/trestle daemon']);
    expect(await make('uninstall', `DESTDIR=${root}`, 'CNI_BIN=/x/bin')).to.include({ code: 0, stderr: '' });
    rmSync(join(root, 'x'), { recursive: true });
    expect(tree(root)).to.deep.equal(before);
  });

  it('says so where there is no systemd, and installs the plugins', async () => {
    const { stdout } = await make('install', `DESTDIR=${root}`);
    expect(stdout).to.match(/^no units for systemd: there is no .*\/etc\/systemd, or SYSTEMD_UNITS is empty$/m);
    expect(Object.keys(tree(root)).filter((path) => path.endsWith('.service'))).to.deep.equal([]);
    expect(Object.keys(tree(root))).to.include.members(installedNames().map((name) => `opt/cni/bin/${name}`));
  });

  it('leaves them out where SYSTEMD_UNITS is empty, and makes the folder that it names', async () => {
    mkdirSync(join(root, 'etc/systemd'), { recursive: true });
    await make('install', `DESTDIR=${root}`, 'SYSTEMD_UNITS=');
    expect(Object.keys(tree(root)).filter((path) => path.endsWith('.service'))).to.deep.equal([]);
    await make('install', `DESTDIR=${root}`, 'SYSTEMD_UNITS=/usr/lib/systemd/system');
    expect(units('usr/lib/systemd/system')).to.deep.equal(unitNames);
  });
});

describe('make uninstall', () => {
  let root: string;
  let bin: string;
  let state: string;
  let units: string;
  let made: Package;
  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'trestle-install-'));
    [bin, state, units] = ['bin', 'state', 'units'].map((name) => join(root, name)) as [string, string, string];
    mkdirSync(state);
    made = makePackage('1.0.0-a');
    await run(join(made.path, 'install.sh'), [bin, units]);
  });
  afterEach(() => {
    for (const path of [root, made.path]) rmSync(path, { recursive: true });
  });
  const uninstall = (folder: string, env = {}) =>
    run(join(made.path, 'uninstall.sh'), [folder, state, units], { env: { PATH, ...env } });

  it('refuses while a daemon serves, even with FORCE=1, since it would be left without its files', async () => {
    const lock = join(state, 'daemon.sock.lock');
    const daemon = spawn('flock', [lock, 'sh', '-c', 'echo locked; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(daemon.stdout, 'data');
    const before = tree(root);
    const { code, stderr } = await uninstall(bin, { FORCE: '1' });
    expect(code).to.equal(1);
    expect(stderr).to.equal(
      `uninstall: a daemon serves on ${state}/daemon.sock: end it first (is it a DaemonSet's?); nothing was changed\n`,
    );
    expect(tree(root)).to.deep.equal(before);
    daemon.stdin.end();
    await once(daemon, 'close');
    expect(await uninstall(bin)).to.include({ code: 0, stderr: '' });
    expect([tree(bin), tree(units)]).to.deep.equal([{}, {}]);
  });

  it('leaves units that start what is installed elsewhere', async () => {
    const other = join(root, 'other');
    await made.install(other);
    expect(await uninstall(other)).to.include({ code: 0, stderr: '' });
    expect(Object.keys(tree(units))).to.deep.equal(unitNames);
    expect(tree(other)).to.deep.equal({});
  });
});
