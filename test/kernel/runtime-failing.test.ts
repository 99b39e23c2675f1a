import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { sharedObjects } from '../support/leftovers';
import { bridgeNetwork } from '../support/network';
import { addRecorder, resultOf, takeCalls } from '../support/recorder';
import { configure, done, failed, trestle } from '../support/trestle';
import { createWorld, type World } from '../support/world';

/** How a plugin can fail, and what is said of it. */
const failures: Record<string, [script: string, told: string]> = {
  "the specification's error": [
    'echo \'{"code": 111, "msg": "no luck", "details": "today"}\'; exit 1',
    'no luck; today',
  ],
  'an error that is none': [
    'echo no luck; exit 1',
    'netplugin failed but error parsing its diagnostic message "no luck\\n": ',
  ],
  nothing: ['exit 3', 'netplugin failed with no error message: exit status 3'],
  'a signal': ['kill -9 $$', 'netplugin failed with no error message: signal: SIGKILL'],
  'garbage as its result': ['echo garbage; exit 0', 'invalid result of "bad": '],
  'a result of an unknown version': [
    'echo \'{"cniVersion": "7.0"}\'; exit 0',
    'incompatible CNI versions; result of "bad" is "7.0", plugin supports ["0.1.0"',
  ],
};

const plugins = [bridgeNetwork({ ipMasq: true }), { type: 'one' }, { type: 'bad' }, { type: 'two' }];
const list = { cniVersion: '1.0.0', name: 'net', plugins };

describe('A plugin in the middle of a chain', () => {
  let world: World;

  before(async () => {
    world = await createWorld();
    await world.addPod('blue');
    for (const type of ['one', 'two']) addRecorder(world, type);
    configure(world, 'net.conflist', list);
  });

  beforeEach(() => {
    addRecorder(world, 'bad');
    takeCalls(world);
  });

  after(() => world.close());

  for (const [title, [script, told]] of Object.entries(failures)) {
    it(`that ends with ${title} is named, and what was added is taken back`, async () => {
      addRecorder(world, 'bad', `[ "$CNI_COMMAND" = DEL ] || { ${script}; }`);
      const before = await world.snapshot();
      const { code, stderr } = await failed(world, 'add net blue');
      expect(code).to.equal(1);
      expect(stderr.slice(0, 41 + told.length)).to.equal(`trestle: plugin type="bad" failed (add): ${told}`);
      const calls = takeCalls(world);
      expect(calls.map(({ call }) => call)).to.deep.equal(['ADD one', 'ADD bad', 'DEL bad', 'DEL one']);
      for (const { stdin } of calls.slice(2)) expect(stdin.prevResult).to.deep.equal(resultOf('one'));
      expect(readdirSync(world.path('/var/lib/cni'))).not.to.include('results');
      expectUnchanged(before, await world.snapshot(), { allow: sharedObjects('br0') });
    });
  }

  it("is told of with --json as a runtime is: the plugin's own code and details, on stdout", async () => {
    addRecorder(world, 'bad', 'echo \'{"code": 111, "msg": "no luck", "details": "today"}\'; exit 1');
    for (const [line, doing] of [
      ['add net blue', 'add'],
      ['del net blue', 'delete'],
      ['status net', 'status'],
      ['gc net', 'gc'],
    ]) {
      configure(world, 'net.conflist', { cniVersion: '1.1.0', name: 'net', plugins: [{ type: 'bad' }] });
      const { code, stdout } = await trestle(world, `${line} --json`);
      const told = { code: 111, msg: `plugin type="bad" failed (${doing}): no luck`, details: 'today' };
      expect({ code, told: JSON.parse(stdout) }).to.deep.equal({ code: 1, told });
    }
    const { code, stdout, stderr } = await trestle(world, 'add nett blue --json');
    expect({ code, stderr }).to.deep.equal({ code: 1, stderr: '' });
    expect(JSON.parse(stdout).msg).to.equal('no network "nett" in /run/net.d: there is "net"');
    configure(world, 'net.conflist', list);
  });

  it('that is missing, or is no program, is named, and what was added is taken back', async () => {
    const file = world.path('/run/bin/bad');
    rmSync(file);
    const missing = `plugin type="bad" failed (add): failed to find plugin "bad" in path [${world.plugins} /run/bin]`;
    const unable = 'plugin type="bad" failed (add): failed to run plugin "bad" (/run/bin/bad): ';
    for (const [prepare, told] of [
      [() => {}, missing],
      [() => writeFileSync(file, '#!/bin/sh\n', { mode: 0o644 }), `${unable}spawn /run/bin/bad EACCES`],
      [() => writeFileSync(file, 'text\n'), `${unable}exec format error`],
    ] as const) {
      prepare();
      const before = await world.snapshot();
      const { stderr } = await failed(world, 'add net blue');
      const [warning, error] = stderr.trim().split('\n');
      expect(error).to.equal(`trestle: ${told}`);
      expect(warning).to.match(/^trestle: while taking it back: plugin type="bad" failed \(delete\): failed to /);
      expect(takeCalls(world).map(({ call }) => call)).to.deep.equal(['ADD one', 'DEL one']);
      expectUnchanged(before, await world.snapshot(), { allow: sharedObjects('br0') });
    }
  });

  it('may write to stderr what it likes', async () => {
    addRecorder(world, 'bad', 'echo "-------------- Begin config" >&2');
    for (const command of ['add', 'del']) {
      const { code, stderr } = await trestle(world, `${command} net blue`);
      expect({ code, stderr }, command).to.deep.equal({ code: 0, stderr: '-------------- Begin config\n' });
    }
  });

  it('whose DEL fails ends the del, which may be run again, and nothing is forgotten meanwhile', async () => {
    await done(world, 'add net blue');
    addRecorder(world, 'bad', '[ -e /run/mended ] || { echo \'{"code": 11, "msg": "not now"}\'; exit 1; }');
    takeCalls(world);
    const { code, stderr } = await failed(world, 'del net blue');
    expect({ code, stderr }).to.deep.equal({
      code: 1,
      stderr: 'trestle: plugin type="bad" failed (delete): not now\n',
    });
    expect(takeCalls(world).map(({ call }) => call)).to.deep.equal(['DEL two', 'DEL bad']);
    writeFileSync(world.path('/run/mended'), '');
    await done(world, 'del net blue');
    expect(takeCalls(world).map(({ call, stdin }) => [call, stdin.prevResult])).to.deep.equal(
      ['two', 'bad', 'one'].map((type) => [`DEL ${type}`, resultOf('two')]),
    );
    expect(readdirSync(world.path('/var/lib/cni/results'))).to.deep.equal([]);
  });

  it('is taken back when the result cannot be kept', async () => {
    const results = world.path('/var/lib/cni/results');
    rmSync(results, { recursive: true });
    writeFileSync(results, '');
    const before = await world.snapshot();
    expect(await failed(world, 'add net blue')).to.deep.equal({
      code: 1,
      stderr: "trestle: failed to cache the result: EEXIST: file already exists, mkdir '/var/lib/cni/results'\n",
    });
    expect(
      takeCalls(world)
        .slice(3)
        .map(({ call }) => call),
    ).to.deep.equal(['DEL two', 'DEL bad', 'DEL one']);
    expectUnchanged(before, await world.snapshot(), { allow: sharedObjects('br0') });
    rmSync(results);
  });
});
