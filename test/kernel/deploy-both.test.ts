import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { addPluginFolder, bin, firstWords, outcome, startContainer } from '../support/container';
import { daemonSocket } from '../support/daemon';
import { readDaemonSet } from '../support/manifest';
import { bridgeNetwork, succeed } from '../support/network';
import { referencePlugins } from '../support/plugins';
import { children, createSystemdWorld, type SystemdWorld, unitsOfNode } from '../support/systemd';

const pod = readDaemonSet().spec.template.spec;
const [main] = pod.containers as [(typeof pod.containers)[0]];
const config = bridgeNetwork();

/* Nobody should run both. Whoever does has a node that works all the same. */
describe('A node with the DaemonSet and with the units of systemd', () => {
  let node: SystemdWorld;
  let pods = 0;
  beforeEach(async () => {
    node = await createSystemdWorld({ plugins: bin });
    await addPluginFolder(node.enter, [`${referencePlugins}/firewall`]);
    const script = join(resolve(__dirname, '../../build/runtime'), 'install.sh');
    expect(await node.run(script, [bin, unitsOfNode])).to.include({ code: 0 });
  });
  afterEach(() => node.close());

  const attach = async () => {
    pods += 1;
    await succeed(node, 'bridge', { netns: await node.addPod(`pod${pods}`), containerId: `c${pods}`, config });
  };
  const probe = () =>
    outcome(startContainer(node.enter, pod, { ...main, command: main.readinessProbe?.exec.command ?? [] }));

  it("leaves it to systemd's daemon where systemd listens already, and the pod's says so", async () => {
    await node.systemctl('start', 'trestle.socket');
    const { code, text } = await outcome(startContainer(node.enter, pod, main));
    expect([code, text]).to.deep.equal([1, `trestle: daemon: somebody else listens on ${daemonSocket}\n`]);
    await attach();
    await node.until('trestle.service', 'ActiveState', 'active');
    expect((await outcome(startContainer(node.enter, pod, main))).text).to.match(/another daemon serves/);
  });

  it("has systemd give up where the pod's daemon is there first, and that one back when Kubernetes has restarted it", async () => {
    const container = startContainer(node.enter, pod, main);
    await firstWords(container);
    await node.systemctl('start', 'trestle.socket');
    while ((await node.property('trestle.socket', 'ActiveState')) !== 'failed') await attach();
    expect(existsSync(node.path(daemonSocket))).to.equal(false);
    expect((await probe()).code, 'which ends the container').to.equal(1);
    for (const pid of children(container.pid ?? 0)) process.kill(pid, 'SIGTERM');
    expect((await outcome(container)).code).to.equal(0);
    const next = startContainer(node.enter, pod, main);
    await firstWords(next);
    await attach();
    expect((await probe()).text).to.match(/^requests: 1 claimed/m);
  });
});
