import { expect } from 'chai';
import { masquerade } from '../../lib/plugins/masquerade';
import { masqueraded, nft, table } from '../support/masquerading';
import { succeed } from '../support/network';
import { type CniCall, cniEnvironment, cniInput, installedPlugins, pluginPath } from '../support/plugins';
import { createWorld, type World } from '../support/world';

describe('ipMasq costs an ADD and a DEL the same', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
    // The first ADD makes the bridge and the table.
    await succeed(world, 'bridge', { netns: await world.addPod(), containerId: 'first', config: masqueraded() });
  });

  afterEach(() => world.close());

  /** How many messages a plugin sends and how many bytes it reads, by netlink and all other sockets. */
  async function trafficOf(call: CniCall): Promise<{ sent: number; bytesRead: number }> {
    const trace = ['-f', '-qq', '-e', 'trace=sendmsg,sendto,recvmsg,recvfrom', '-e', 'signal=none', '-o', '/run/trace'];
    const { code, stdout } = await world.run('strace', [...trace, pluginPath('bridge', installedPlugins)], {
      env: cniEnvironment(call, installedPlugins),
      input: cniInput(call),
    });
    expect(code, stdout).to.equal(0);
    const lines = (await world.run('cat', ['/run/trace'])).stdout.split('\n');
    const returned = (name: RegExp) =>
      lines.filter((line) => name.test(line)).map((line) => Number(line.match(/= (\d+)$/)?.[1] ?? 0));
    return {
      sent: returned(/\bsend(msg|to)\b.*= \d+$/).length,
      bytesRead: returned(/\brecv(msg|from)\b/).reduce((a, b) => a + b, 0),
    };
  }

  async function trafficOfPod(containerId: string) {
    const call = { netns: await world.addPod(), containerId, config: masqueraded() };
    return { add: await trafficOf(call), del: await trafficOf({ ...call, command: 'DEL' }) };
  }

  /** What waiting for the port may add: a question and its answer, once or twice. */
  const slack = { sent: 3, bytesRead: 6_000 };

  async function expectSameAfter(change: () => Promise<unknown>): Promise<void> {
    const before = await trafficOfPod('before');
    await change();
    const after = await trafficOfPod('after');
    for (const command of ['add', 'del'] as const)
      for (const what of ['sent', 'bytesRead'] as const) {
        expect(after[command][what], `${command} ${what}`).to.be.closeTo(before[command][what], slack[what]);
        expect(after[command][what], `${command} ${what}`).to.be.above(5);
      }
  }

  it('with one pod and with 10,000', async () => {
    const addresses = ['10.1.2.2/24', 'fd00:1:2::2/64'];
    const [set4, set6] = masquerade('net', 'c', 'eth0', addresses).ensure?.sets.map(({ name }) => name) ?? [];
    const elements = (prefix: string) =>
      Array.from({ length: 10_000 }, (_, n) => `${prefix}${n >> 8}${prefix.includes(':') ? ':' : '.'}${n & 255}`);
    await expectSameAfter(() =>
      nft(
        world,
        `add element ${table} ${set4} { ${elements('10.9.')} }; add element ${table} ${set6} { ${elements('fd00:9::')} }`,
      ),
    );
  });

  it('without other rules and with 2,000 of them', async () => {
    const rules = Array.from({ length: 2_000 }, (_, n) => `ip daddr 10.9.${n >> 8}.${n & 255} counter accept`);
    await expectSameAfter(() =>
      nft(
        world,
        `table inet other { chain c { type nat hook postrouting priority srcnat;\n${rules.join('\n')}\n }\n }`,
      ),
    );
  });
});
