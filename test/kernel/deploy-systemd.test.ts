import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { expect } from 'chai';
import { daemonSocket } from '../support/daemon';
import { type Launched, launchedProgram, runtimeFolder } from '../support/launched';
import { bridgeNetwork, succeed } from '../support/network';
import { makeOtherBuild } from '../support/other-build';
import { PATH } from '../support/run';
import { createSystemdWorld, type SystemdWorld, unitsOfNode } from '../support/systemd';

const built = resolve(__dirname, '../../build/runtime');
const config = bridgeNetwork({ ipMasq: true });

describe('systemd, with the units of make install', () => {
  let installed: Launched;
  let node: SystemdWorld;
  let pods = 0;

  before(async () => {
    installed = launchedProgram();
    node = await createSystemdWorld({ plugins: installed.bin });
  });
  after(async () => {
    await node.close();
    installed.remove();
  });

  const attach = async () => {
    pods += 1;
    const call = { netns: await node.addPod(`pod${pods}`), containerId: `c${pods}`, config };
    return { ...call, prevResult: await succeed(node, 'bridge', call) };
  };
  const status = async () =>
    JSON.parse((await node.run(join(installed.bin, 'trestle'), ['daemon', 'status', '--json'])).stdout);
  const mainPid = async () => Number(await node.property('trestle.service', 'MainPID'));
  const systemctl = async (...args: string[]) => expect(await node.systemctl(...args)).to.include({ code: 0 });

  it('knows them, and starts nothing unasked', async () => {
    const { code, stdout } = await node.run(join(built, 'install.sh'), [installed.bin, unitsOfNode]);
    expect([code, stdout.includes('systemctl enable --now trestle.socket')]).to.deep.equal([0, true]);
    for (const unit of ['trestle.socket', 'trestle.service']) {
      expect(await node.property(unit, 'LoadState')).to.equal('loaded');
      expect(await node.property(unit, 'UnitFileState')).to.equal('disabled');
      expect(await node.property(unit, 'ActiveState')).to.equal('inactive');
    }
    expect(existsSync(node.path(daemonSocket))).to.equal(false);
  });

  it('finds no fault with them', async () => {
    const units = ['trestle.socket', 'trestle.service'].map((unit) => join(unitsOfNode, unit));
    expect(await node.run('systemd-analyze', ['verify', '--man=no', ...units])).to.include({ code: 0, stderr: '' });
  });

  it('listens once it is told to, for root alone, and starts the daemon at the first call', async () => {
    await systemctl('enable', '--now', 'trestle.socket');
    expect(await node.property('trestle.service', 'ActiveState')).to.equal('inactive');
    const modes = [daemonSocket, dirname(daemonSocket)].map((path) => statSync(node.path(path)).mode & 0o777);
    expect(modes).to.deep.equal([0o600, 0o700]);
    await attach();
    await node.until('trestle.service', 'ActiveState', 'active');
  });

  it('runs a daemon that does all that plugins do, within its limits', async () => {
    const { prevResult, ...call } = await attach();
    for (const command of ['CHECK', 'DEL']) {
      await succeed(node, 'bridge', { ...call, command, config: { ...config, prevResult } });
    }
    const { declined, refused, failures, requests } = await status();
    expect({ declined, refused, failures }).to.deep.equal({ declined: {}, refused: 0, failures: [] });
    expect(requests.map(({ command }: { command: string }) => command)).to.include.members(['ADD', 'CHECK', 'DEL']);
    const limits = await node.run('grep', ['-E', '^(NoNewPrivs|Seccomp):', `/proc/${await mainPid()}/status`]);
    expect(limits.stdout).to.equal('NoNewPrivs:\t1\nSeccomp:\t2\n');
  });

  it('goes by the new ones when they are installed again', async () => {
    await node.run('sh', ['-c', `echo '# of an older build' >>${unitsOfNode}/trestle.service`]);
    expect(await node.property('trestle.service', 'NeedDaemonReload')).to.equal('yes');
    await node.run(join(built, 'install.sh'), [installed.bin, unitsOfNode]);
    expect(await node.property('trestle.service', 'NeedDaemonReload')).to.equal('no');
  });

  it('starts it again when it is killed', async () => {
    const killed = await mainPid();
    await node.run('kill', ['-KILL', String(killed)]);
    await node.until('trestle.service', 'NRestarts', '1');
    await node.until('trestle.service', 'ActiveState', 'active');
    expect(await mainPid())
      .to.be.above(0)
      .and.not.equal(killed);
    await attach();
  });

  it('has the next call start what an upgrade has installed, after the one that runs has ended by itself', async () => {
    const before = await status();
    makeOtherBuild(installed.bin);
    await attach();
    await node.until('trestle.service', 'ActiveState', 'inactive');
    expect(await node.property('trestle.service', 'Result')).to.equal('success');
    await attach();
    await node.until('trestle.service', 'ActiveState', 'active');
    const { build } = await status();
    expect(build)
      .to.equal(basename(runtimeFolder(installed.bin)))
      .and.not.equal(before.build);
  });

  it('keeps another daemon from serving there', async () => {
    const { code, stderr } = await node.run(join(installed.bin, 'trestle'), ['daemon']);
    expect([code, stderr]).to.deep.equal([1, `trestle: daemon: another daemon serves ${daemonSocket}\n`]);
  });

  it('is told to end the daemon, and forgets it, when Trestle is uninstalled', async () => {
    const uninstall = (env = {}) =>
      node.run(join(built, 'uninstall.sh'), [installed.bin, '/run/trestle', unitsOfNode], { env: { PATH, ...env } });
    expect((await uninstall()).stderr).to.match(/pods are attached/);
    expect(await node.property('trestle.service', 'ActiveState')).to.equal('active');
    expect(await uninstall({ FORCE: '1' })).to.include({ code: 0, stderr: '' });
    expect(await node.property('trestle.socket', 'LoadState')).to.equal('not-found');
    expect(await node.property('trestle.service', 'ActiveState')).to.equal('inactive');
    expect(existsSync(node.path(daemonSocket))).to.equal(false);
    expect((await node.run('find', [installed.bin, unitsOfNode, '-name', '*trestle*'])).stdout).to.equal('');
  });
});
