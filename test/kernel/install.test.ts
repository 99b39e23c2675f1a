import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { installedNames, makePackage, type Package, tree } from '../support/installer';
import { PATH, run } from '../support/run';

describe('make install', () => {
  let folder: string;
  let bin: string;
  let state: string;
  const packages: Package[] = [];
  const pack = (id = '1.0.0-a') => {
    const made = makePackage(id);
    packages.push(made);
    return made;
  };
  /** A plugin of somebody else's. */
  const foreign = (name: string, text = 'foreign') => {
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, name), text);
    chmodSync(join(bin, name), 0o711);
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'trestle-install-'));
    bin = join(folder, 'opt/cni/bin');
    state = join(folder, 'run/trestle');
  });
  afterEach(() => {
    for (const path of [folder, ...packages.splice(0).map((made) => made.path)]) rmSync(path, { recursive: true });
  });

  it('puts every plugin and the command beside the runtime folder', async () => {
    expect(await pack().install(bin)).to.include({ code: 0, stderr: '' });
    expect(Object.keys(tree(bin))).to.include.members([...installedNames(), '.trestle/1.0.0-a/trestle.cjs']);
  });

  it('makes each plugin a file of its own, so that who writes over one changes no other', async () => {
    await pack().install(bin);
    const { bridge: _, ...others } = tree(bin);
    writeFileSync(join(bin, 'bridge'), 'copied here by somebody else');
    const { bridge, ...after } = tree(bin);
    expect(after).to.deep.equal(others);
    expect(bridge).to.match(/copied here/);
  });

  it('changes nothing the second time', async () => {
    const made = pack();
    await made.install(bin);
    const once = tree(bin);
    expect(await made.install(bin)).to.include({ code: 0 });
    expect(tree(bin)).to.deep.equal(once);
  });

  it('repairs a runtime folder that somebody has touched', async () => {
    const made = pack();
    await made.install(bin);
    const whole = tree(bin);
    writeFileSync(join(bin, '.trestle/1.0.0-a/trestle.cjs'), 'touched');
    await made.install(bin);
    expect(tree(bin)).to.deep.equal(whole);
  });

  it('refuses to replace plugins that are not its own, names them all, and changes nothing', async () => {
    foreign('bridge');
    foreign('loopback');
    const before = tree(folder);
    const { code, stderr } = await pack().install(bin);
    expect(code).to.equal(1);
    expect(stderr).to.include(join(bin, 'bridge')).and.to.include(join(bin, 'loopback')).and.to.include('FORCE=1');
    expect(tree(folder)).to.deep.equal(before);
  });

  it('keeps what it replaces with FORCE=1, and uninstall puts it back as it was', async () => {
    foreign('bridge');
    foreign('firewall');
    mkdirSync(join(folder, 'elsewhere'));
    symlinkSync('/usr/lib/cni/loopback', join(bin, 'loopback'));
    const before = tree(bin);
    const made = pack();
    await made.install(bin, { FORCE: '1' });
    expect(tree(bin)['bridge.before-trestle']).to.equal(before.bridge);
    expect(tree(bin).bridge).to.include('trestle-launcher');
    expect(await made.uninstall(bin, state)).to.include({ code: 0, stderr: '' });
    expect(tree(bin)).to.deep.equal(before);
    expect(lstatSync(join(bin, 'loopback')).isSymbolicLink()).to.equal(true);
  });

  it('never overwrites an older backup that is not its own, not even with FORCE=1', async () => {
    foreign('bridge', 'new');
    foreign('bridge.before-trestle', 'old');
    const before = tree(folder);
    const { code, stderr } = await pack().install(bin, { FORCE: '1' });
    expect(code).to.equal(1);
    expect(stderr).to.include('bridge.before-trestle');
    expect(tree(folder)).to.deep.equal(before);
  });

  it('keeps the previous runtime folder at an upgrade and removes older ones', async () => {
    const runtimes = () =>
      Object.keys(tree(bin)).filter((path) => /^\.trestle\/[^/]+$/.test(path) && path.includes('-'));
    for (const id of ['1.0.0-a', '1.1.0-b', '1.2.0-c']) await pack(id).install(bin);
    expect(runtimes()).to.deep.equal(['.trestle/1.1.0-b', '.trestle/1.2.0-c']);
    await pack('1.2.0-c').install(bin);
    expect(runtimes()).to.deep.equal(['.trestle/1.1.0-b', '.trestle/1.2.0-c']);
  });

  describe('killed before any of its commands', () => {
    /** A PATH on which the `nth` of the installer's commands that change something kills the installer. */
    const deadlyPath = (nth: number) => {
      const tools = mkdtempSync(join(folder, 'tools-'));
      for (const tool of ['mkdir', 'rm', 'cp', 'mv', 'ln', 'sync', 'chmod']) {
        const script = `#!/bin/sh\necho >>${tools}/count\n[ $(wc -l <${tools}/count) -ne ${nth} ] || kill -9 $PPID\nexec /bin/${tool} "$@"\n`;
        writeFileSync(join(tools, tool), script, { mode: 0o755 });
      }
      return `${tools}:${PATH}`;
    };

    const killedEverywhere = async (check: (made: Package) => Promise<void>, prepare: () => Promise<void>) => {
      for (let nth = 1; ; nth++) {
        rmSync(bin, { recursive: true, force: true });
        await prepare();
        const made = pack('1.1.0-b');
        const { signal } = await made.install(bin, { FORCE: '1', PATH: deadlyPath(nth) });
        if (signal === null) return nth - 1;
        await check(made);
      }
    };

    it('leaves plugins that work, and is completed by running it again', async () => {
      const prepare = async () => {
        foreign('bridge');
        await pack('1.0.0-a').install(bin, { FORCE: '1' });
      };
      await prepare();
      await pack('1.1.0-b').install(bin);
      const complete = tree(bin);
      const kills = await killedEverywhere(async (made) => {
        for (const name of installedNames()) {
          const runtime = /trestle-launcher=(\S+)/.exec(tree(bin)[name] ?? '')?.[1];
          expect(tree(bin)).to.have.property(`.trestle/${runtime}/trestle.cjs`);
        }
        expect(await made.install(bin)).to.include({ code: 0 });
        expect(tree(bin)).to.deep.equal(complete);
      }, prepare);
      expect(kills).to.be.greaterThan(10);
    });

    it('loses no plugin of anybody else, and uninstall puts them back', async () => {
      let before: Record<string, string> = {};
      await killedEverywhere(
        async (made) => {
          expect(Object.keys(tree(bin))).to.include.members(['bridge', 'loopback']);
          expect(await made.uninstall(bin, state)).to.include({ code: 0 });
          expect(tree(bin)).to.deep.equal(before);
        },
        async () => {
          foreign('bridge', 'one');
          foreign('loopback', 'two');
          before = tree(bin);
        },
      );
    });
  });
});

describe('make with DESTDIR and CNI_BIN', () => {
  it('installs plugins that answer, and uninstalls them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'trestle-install-'));
    // What is built counts as up to date: a build would pull it away from under the other tests.
    const options = [
      '-C',
      resolve(__dirname, '../..'),
      '-o',
      'build/runtime/id',
      `DESTDIR=${folder}`,
      'CNI_BIN=/x/bin',
    ];
    const make = (target: string) => run('make', [target, ...options]);
    try {
      expect(await make('install')).to.include({ code: 0, stderr: '' });
      expect(Object.keys(tree(folder))).to.include.members(installedNames().map((name) => `x/bin/${name}`));
      const { stdout } = await run(join(folder, 'x/bin/bridge'), [], { env: { CNI_COMMAND: 'VERSION' } });
      expect(JSON.parse(stdout).supportedVersions).to.include('1.1.0');
      expect(await make('uninstall')).to.include({ code: 0, stderr: '' });
      expect(Object.keys(tree(folder))).to.deep.equal(['x', 'x/bin']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('make uninstall', () => {
  it('refuses while pods are attached, unless FORCE=1', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'trestle-install-'));
    const [bin, state] = [join(folder, 'bin'), join(folder, 'state')];
    const made = makePackage('1.0.0-a');
    await made.install(bin);
    mkdirSync(join(state, 'attachments'), { recursive: true });
    writeFileSync(join(state, 'attachments/one.json'), '{}');
    const before = tree(folder);

    const refused = await made.uninstall(bin, state);
    expect(refused.code).to.equal(1);
    expect(refused.stderr).to.include(join(state, 'attachments'));
    expect(tree(folder)).to.deep.equal(before);

    expect(await made.uninstall(bin, state, { FORCE: '1' })).to.include({ code: 0 });
    expect(tree(bin)).to.deep.equal({});
    for (const path of [folder, made.path]) rmSync(path, { recursive: true });
  });
});
