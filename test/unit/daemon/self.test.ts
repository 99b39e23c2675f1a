import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { demandUnused, passedSocket } from '../../../lib/daemon/listen';
import { isReplaced, selfIn } from '../../../lib/daemon/self';

describe('A daemon, by the folder that it runs from,', () => {
  let bin: string;
  let folder: string;
  const install = (id: string) => writeFileSync(join(bin, 'trestle'), `\x7fELF…trestle-launcher=${id}\0…`);
  beforeEach(() => {
    bin = mkdtempSync(join(tmpdir(), 'trestle-self-'));
    folder = join(bin, '.trestle', '0.1.0-abc');
    mkdirSync(folder, { recursive: true });
    install('0.1.0-abc');
  });
  afterEach(() => rmSync(bin, { recursive: true }));

  it('knows its build and its place', () => {
    const { build, place } = selfIn(folder);
    expect(build).to.equal('0.1.0-abc');
    expect(place).to.have.all.keys('mnt', 'pid', 'user', 'net', 'root');
    for (const identity of Object.values(place)) expect(identity).to.match(/^\d+:\d+$/);
  });

  it('knows when another build has taken its place, or none', () => {
    expect(isReplaced(folder)).to.equal(false);
    for (const id of ['0.1.0-abcd', '0.1.0-ab', '0.2.0-abc']) {
      install(id);
      expect(isReplaced(folder), id).to.equal(true);
    }
    rmSync(join(bin, 'trestle'));
    expect(isReplaced(folder)).to.equal(true);
  });
});

describe('The socket that systemd passes', () => {
  it('is the first descriptor after the standard streams, if it is meant for this process', () => {
    expect(passedSocket({ LISTEN_PID: '7', LISTEN_FDS: '1' }, 7)).to.deep.equal({ fd: 3 });
    expect(passedSocket({ LISTEN_PID: '8', LISTEN_FDS: '1' }, 7)).to.equal(undefined);
    expect(passedSocket({ LISTEN_PID: '7', LISTEN_FDS: '0' }, 7)).to.equal(undefined);
    expect(passedSocket({}, 7)).to.equal(undefined);
  });

  it('is one', () => {
    const passed = () => passedSocket({ LISTEN_PID: '7', LISTEN_FDS: '2' }, 7);
    expect(passed).to.throw('one socket is expected of systemd, 2 were passed');
  });
});

describe('The path of a socket', () => {
  it('is not to be used where somebody answers, and is made free where nobody does', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'trestle-listen-'));
    const path = join(folder, 'socket');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen({ path }, resolve));
    const failure = await demandUnused(path).catch((error: Error) => error.message);
    expect(failure).to.equal(`somebody else listens on ${path}`);
    await new Promise((resolve) => server.close(resolve));
    writeFileSync(path, 'what is left of it');
    await demandUnused(path);
    expect(existsSync(path)).to.equal(false);
    rmSync(folder, { recursive: true });
  });
});
