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

  /** How many messages a plugin sends and how many it reads, by netlink and all other sockets. */
  async function messagesOf(call: CniCall): Promise<{ sent: number; read: number }> {
    const trace = ['-f', '-qq', '-e', 'trace=sendmsg,sendto,recvmsg,recvfrom', '-e', 'signal=none', '-o', '/run/trace'];
    const { code, stdout } = await world.run('strace', [...trace, pluginPath('bridge', installedPlugins)], {
      env: cniEnvironment(call, installedPlugins),
      input: cniInput(call),
    });
    expect(code, stdout).to.equal(0);
    const lines = (await world.run('cat', ['/run/trace'])).stdout.split('\n');
    const count = (name: RegExp) => lines.filter((line) => name.test(line)).length;
    return { sent: count(/ send(msg|to)\(/), read: count(/ recv(msg|from)\(/) };
  }

  async function messagesOfPod(containerId: string): Promise<number[]> {
    const call = { netns: await world.addPod(), containerId, config: masqueraded() };
    const add = await messagesOf(call);
    const del = await messagesOf({ ...call, command: 'DEL' });
    return [add.sent, add.read, del.sent, del.read];
  }

  /** What waiting for the port may add, a question and its answer at a time. */
  const slack = 4;

  async function expectSameAfter(change: () => Promise<unknown>): Promise<void> {
    const before = await messagesOfPod('before');
    await change();
    const after = await messagesOfPod('after');
    for (const [index, count] of after.entries()) {
      expect(count, `${after} after ${before}`).to.be.within(
        (before[index] ?? 0) - slack,
        (before[index] ?? 0) + slack,
      );
      expect(count).to.be.above(5);
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

  it('with no other network and with 50', async () => {
    const { ensure } = masquerade('net', 'c', 'eth0', ['10.1.2.2/24']);
    const commands = Array.from(
      { length: 50 },
      (_, n) =>
        `add set ${table} pods_n${n} { type ipv4_addr; comment "${ensure?.sets[0]?.comment}"; }
         add rule ${table} postrouting ip saddr @pods_n${n} ip daddr != 10.${n}.0.0/16 masquerade comment "pods_n${n}"`,
    );
    await expectSameAfter(() => nft(world, commands.join('\n')));
  });
});
