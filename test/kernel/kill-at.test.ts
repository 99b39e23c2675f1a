import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { type ChangingCall, cniHeldAt, cniKilledAt, killAtEachCall } from '../support/kill-at';
import { createWorld, type World } from '../support/world';

/** A stand-in for a plugin, whose changes are known: it names a link, and makes files in three threads and a child. */
const PLUGIN = `#!${process.execPath}
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const { Worker } = require('node:worker_threads');
fs.readFileSync(0);
fs.mkdirSync('/run/made');
const inThread = (name) => new Promise((done) =>
  new Worker("require('node:fs').rmdirSync('/run/made'); require('node:fs').mkdirSync('/run/" + name + "')", { eval: true })
    .on('exit', done));
inThread('one').then(() => {
  fs.mkdirSync('/run/made');
  return inThread('two');
}).then(() => {
  execFileSync('ip', ['link', 'set', 'lo', 'mtu', '1234']);
  fs.writeSync(1, '{}');
});
`;

describe('killing a plugin at each system call that changes something', () => {
  let world: World;

  before(async () => {
    world = await createWorld();
    mkdirSync(world.path('/run/plugins'));
    writeFileSync(world.path('/run/plugins/fake'), PLUGIN);
    chmodSync(world.path('/run/plugins/fake'), 0o755);
    world.plugins = '/run/plugins';
  });

  after(() => world.close());

  const made = () => readdirSync(world.path('/run')).filter((name) => /^(made|one|two)$/.test(name));
  const mtu = async () => (await world.ip('link show lo'))[0].mtu;
  const brief = ({ name, detail }: ChangingCall) => `${name} ${detail}`;

  async function putBack(): Promise<void> {
    await world.run('rm', ['-rf', '/run/made', '/run/one', '/run/two']);
    await world.ip('link set lo mtu 65536');
  }

  const expected = [
    'mkdir /run/made',
    'rmdir /run/made',
    'mkdir /run/one',
    'mkdir /run/made',
    'rmdir /run/made',
    'mkdir /run/two',
    // `ip` first asks with an empty message whether the kernel checks strictly.
    'sendto RTM_NEWLINK',
    'sendmsg RTM_NEWLINK',
    'write standard output',
  ];

  it('lists the calls of all threads and children in order', async () => {
    const { calls, code, json } = await cniKilledAt(world, 'fake', {}, 0);
    await putBack();
    expect(calls.map(brief)).to.deep.equal(expected);
    expect(calls.map(({ index }) => index)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect({ code, json }).to.deep.equal({ code: 0, json: {} });
  });

  it('stops before each of them once, and makes none of those that follow', async () => {
    const left: string[] = [];
    const hit = await killAtEachCall(
      world,
      'fake',
      {},
      async ({ code }) => {
        expect(code).to.equal(137);
        left.push(`${made().sort().join(' ')} ${await mtu()}`);
        await putBack();
      },
      { victim: 'plugin' },
    );
    await putBack();
    expect(hit.map(brief)).to.deep.equal(expected);
    expect(left).to.deep.equal([
      ' 65536',
      'made 65536',
      ' 65536',
      'one 65536',
      'made one 65536',
      'one 65536',
      // From here on the plugin was killed while its child was not.
      'one two 1234',
      'one two 1234',
      'one two 1234',
    ]);
  });

  it('can kill a child and leave the plugin to notice', async () => {
    const { code, at, stderr } = await cniKilledAt(world, 'fake', {}, 8);
    await putBack();
    expect(at?.detail).to.equal('RTM_NEWLINK');
    expect(code).to.equal(1);
    expect(stderr).to.include('SIGKILL');
    expect(await mtu()).to.equal(65536);
  });

  it('can hold it before a call, and let it go on or end it there', async () => {
    const held = await cniHeldAt(world, 'fake', {}, 3);
    expect(made()).to.deep.equal([]);
    expect(await held.kill()).to.include({ signal: 'SIGKILL', stdout: '' });
    expect(made()).to.deep.equal([]);
    const again = await cniHeldAt(world, 'fake', {}, 3);
    const { code, json, calls } = await again.resume();
    await putBack();
    expect({ code, json, made: calls.length }).to.deep.equal({ code: 0, json: {}, made: expected.length });
  });

  it('says so when there is no such call to hold it at', async () => {
    const failure = await cniHeldAt(world, 'fake', {}, 99).catch((error: Error) => error.message);
    await putBack();
    expect(failure).to.equal('it made fewer than 99 calls');
  });
});
