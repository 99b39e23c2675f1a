import { expect } from 'chai';
import { masquerade } from '../../lib/plugins/masquerade';
import { masqueraded, nft, table } from '../support/masquerading';
import { succeed } from '../support/network';
import { trafficOf } from '../support/traffic';
import { createWorld, type World } from '../support/world';

describe('ipMasq costs an ADD and a DEL the same', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
    // The first ADD makes the bridge and the table.
    await succeed(world, 'bridge', { netns: await world.addPod(), containerId: 'first', config: masqueraded() });
  });

  afterEach(() => world.close());

  async function trafficOfPod(containerId: string) {
    const call = { netns: await world.addPod(), containerId, config: masqueraded() };
    return { add: await trafficOf(world, call), del: await trafficOf(world, { ...call, command: 'DEL' }) };
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
