import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { expectUnchanged } from '../../support/expect-unchanged';
import { netnsNames } from '../../support/keeper';
import { enter } from '../../support/peers';
import { createWorld, type World } from '../../support/world';
import { runScript } from './support';

describe('scratch namespaces', () => {
  let world: World;
  beforeEach(async () => {
    world = await createWorld();
  });
  afterEach(() => world.close());

  /** Calls one of the two in the world; answers null, or the fault's errno and operation. */
  async function call(name: 'makeNetns' | 'removeNetns', ...paths: string[]): Promise<(null | string)[]> {
    const script = `
      const [path, ...paths] = process.argv.slice(1);
      const addon = require(path);
      const tell = ({ op, errno, message }) => [op, errno, message].join(': ');
      Promise.all(paths.map((it) => addon.${name}(it).catch(tell))).then((all) => console.log(JSON.stringify(all)));
    `;
    const { stdout, stderr } = await runScript(script, paths, ['nsenter', ...enter(world.keeper)]);
    return JSON.parse(stdout || JSON.stringify(stderr));
  }

  it('are new, empty, and known to ip', async () => {
    expect(await call('makeNetns', '/run/netns/a', '/run/netns/b')).to.deep.equal([null, null]);
    const inodes = ['a', 'b'].map((name) => statSync(world.path(`/run/netns/${name}`)).ino);
    expect(new Set([...inodes, statSync(`/proc/${world.keeper.pid}/ns/net`).ino])).to.have.length(3);
    const links = await world.ip('link show', { path: '/run/netns/a' });
    expect(links.map(({ ifname, operstate }) => `${ifname} ${operstate}`)).to.deep.equal(['lo DOWN']);
    expect((await world.ip('netns list')).map(({ name }) => name).sort()).to.deep.equal(['a', 'b']);
    await world.ip('netns delete a');
    expect(await call('removeNetns', '/run/netns/b')).to.deep.equal([null]);
    expect(netnsNames(world.keeper)).to.deep.equal([]);
  });

  it('leave nothing when they are removed, and may be removed twice', async () => {
    const before = await world.snapshot();
    expect(await call('makeNetns', '/run/netns/a')).to.deep.equal([null]);
    expect(await call('removeNetns', '/run/netns/a', '/run/netns/a')).to.deep.equal([null, null]);
    expectUnchanged(before, await world.snapshot());
    expect(await call('removeNetns', '/run/nosuch/a')).to.deep.equal([null]);
  });

  it('make the folder, once, a mount that others share', async () => {
    const paths = Array.from({ length: 20 }, (_, i) => `/run/other/netns${i}`);
    await Promise.all(paths.map((path) => call('makeNetns', path)));
    const mounts = readFileSync(`/proc/${world.keeper.pid}/mountinfo`, 'utf8').split('\n');
    const own = mounts.filter((line) => line.split(' ')[4] === '/run/other');
    expect(own).to.have.length(1);
    expect(own[0]).to.match(/ shared:\d+ /);
    expect(statSync(world.path('/run/other')).mode & 0o7777).to.equal(0o755);
    expect(mounts.filter((line) => line.includes(' /run/other/netns'))).to.have.length(20);
  });

  it('take no name that is taken, and leave what has it', async () => {
    writeFileSync(world.path('/run/netns/a'), 'mine');
    expect(await call('makeNetns', '/run/netns/a')).to.deep.equal([
      'make network namespace /run/netns/a: EEXIST: File exists',
    ]);
    expect(readFileSync(world.path('/run/netns/a'), 'utf8')).to.equal('mine');
  });

  it('say where they cannot be made', async () => {
    writeFileSync(world.path('/run/file'), '');
    expect(await call('makeNetns', '/run/file/a', '/run/no/such/a')).to.deep.equal([
      'open folder /run/file: ENOTDIR: Not a directory',
      'make folder /run/no/such: ENOENT: No such file or directory',
    ]);
  });

  it('are not confused with what is none: that stays', async () => {
    writeFileSync(world.path('/run/text'), 'mine');
    writeFileSync(world.path('/run/netns/unbound'), '');
    mkdirSync(world.path('/run/folder'));
    const refused = (path: string) => `remove network namespace ${path}: EINVAL: not a network namespace`;
    expect(await call('removeNetns', '/run/text', '/run/folder', '/run/netns/unbound')).to.deep.equal([
      refused('/run/text'),
      refused('/run/folder'),
      null,
    ]);
    expect(readFileSync(world.path('/run/text'), 'utf8')).to.equal('mine');
    expect(netnsNames(world.keeper)).to.deep.equal([]);
  });
});
