import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readlinkSync } from 'node:fs';
import { expect } from 'chai';
import { addPluginFolder, bin, firstWords, outcome, startContainer } from '../support/container';
import { daemonSocket } from '../support/daemon';
import { readDaemonSet } from '../support/manifest';
import { bridgeNetwork, succeed } from '../support/network';
import { referencePlugins } from '../support/plugins';
import { children, createSystemdWorld, type SystemdWorld } from '../support/systemd';

const config = bridgeNetwork();
const { spec: daemonSet, ...manifest } = readDaemonSet();
const pod = daemonSet.template.spec;
const [install] = pod.initContainers as [(typeof pod.initContainers)[0]];
const [main] = pod.containers as [(typeof pod.containers)[0]];

describe('The DaemonSet', () => {
  it('is one that selects its own pods', () => {
    expect(manifest).to.deep.include({ apiVersion: 'apps/v1', kind: 'DaemonSet' });
    expect(daemonSet.template.metadata.labels).to.deep.include(daemonSet.selector.matchLabels);
  });

  it("is on every node, with the node's network and processes, and before all others", () => {
    expect(pod).to.deep.include({ hostNetwork: true, hostPID: true, priorityClassName: 'system-node-critical' });
    // Such priorities are for pods of this namespace.
    expect(manifest.metadata).to.include({ namespace: 'kube-system' });
    expect(pod.tolerations).to.deep.equal([{ operator: 'Exists' }]);
  });

  it('never has two daemons on a node, and does not kill one for its memory', () => {
    expect(daemonSet.updateStrategy).to.deep.nested.include({ type: 'RollingUpdate', 'rollingUpdate.maxSurge': 0 });
    expect(pod.terminationGracePeriodSeconds).to.be.above(180);
    expect(main.resources).to.have.keys('requests');
  });
});

describe('A pod of the DaemonSet', () => {
  let node: SystemdWorld;
  let container: ChildProcess;
  let pods = 0;

  before(async () => {
    node = await createSystemdWorld({ plugins: bin });
    await addPluginFolder(node.enter, [`${referencePlugins}/bridge`, `${referencePlugins}/firewall`]);
  });
  after(() => node.close());

  const start = (what = main) => startContainer(node.enter, pod, what);
  /** Whether its probe finds it ready. */
  const probe = async () => {
    const command = main.readinessProbe?.exec.command ?? [];
    return (await outcome(start({ ...main, command }))).code === 0;
  };
  const startDaemon = async () => {
    container = start();
    await firstWords(container);
  };
  const attach = () => {
    pods += 1;
    return node
      .addPod(`pod${pods}`)
      .then((netns) => succeed(node, 'bridge', { netns, containerId: `c${pods}`, config }));
  };
  const mountNamespace = async () => (await node.run('readlink', ['/proc/1/ns/mnt'])).stdout.trim();
  /** The processes on the node that run from its folder of plugins. */
  const survivors = async () => (await node.run('pgrep', ['-f', `${bin}/.trestle`])).stdout;
  const status = async () => JSON.parse((await node.run(`${bin}/trestle`, ['daemon', 'status', '--json'])).stdout);

  it('installs the plugins on the node first, and keeps those that it replaces', async () => {
    expect(await outcome(start(install))).to.include({ code: 0 });
    const { stdout } = await node.run('ls', [bin]);
    expect(stdout.split('\n')).to.include.members(['bridge', 'bridge.before-trestle', 'firewall', 'trestle']);
    expect(await probe()).to.equal(false);
  });

  it("runs the node's daemon, in the node's mount namespace, and serves the node's runtime", async () => {
    await startDaemon();
    await attach();
    expect(await status()).to.deep.include({ claimed: 1, declined: {} });
    const [pid = 0] = children(container.pid ?? 0);
    expect(readlinkSync(`/proc/${pid}/ns/mnt`)).to.equal(await mountNamespace());
    expect(await probe()).to.equal(true);
  });

  it('leaves no daemon behind when it is killed, and its plugins do without', async () => {
    const closed = once(container, 'close');
    for (const pid of children(container.pid ?? 0)) process.kill(pid, 'SIGKILL');
    await closed;
    expect(await survivors()).to.equal('');
    await attach();
    expect(await probe()).to.equal(false);
  });

  it('drains when it is told to end, and ends well', async () => {
    await startDaemon();
    const closed = once(container, 'close');
    for (const pid of children(container.pid ?? 0)) process.kill(pid, 'SIGTERM');
    expect((await closed)[0]).to.equal(0);
    expect(existsSync(node.path(daemonSocket))).to.equal(false);
  });

  it("ends where another pod's daemon serves", async () => {
    await startDaemon();
    const second = await outcome(start());
    expect(second).to.deep.equal({ code: 1, text: `trestle: daemon: another daemon serves ${daemonSocket}\n` });
  });
});
