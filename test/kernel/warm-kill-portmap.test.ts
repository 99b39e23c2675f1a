import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { brief } from '../support/kill-rounds';
import { bookkeeping } from '../support/leftovers';
import { succeed } from '../support/network';
import { ask, serve } from '../support/port-peer';
import { attach, bridged, chain, elementsOf, type Mapped, portmapCall } from '../support/portmapping';
import type { Snapshot } from '../support/snapshot';
import { killWarmAtEveryCall, type Victim, type WarmRound } from '../support/warm-kill';
import { createWorld, type World } from '../support/world';

const mappings = ['tcp', 'udp'].flatMap((protocol) => [
  { hostPort: 8080, containerPort: 80, protocol },
  { hostPort: 8081, containerPort: 81, protocol, hostIP: '192.0.2.1' },
]);
const wanted = { containerId: 'test', chain: chain(), mappings };
const others = { ...wanted, containerId: 'other', mappings: [{ hostPort: 9000, containerPort: 80, protocol: 'udp' }] };
const { portmap } = wanted.chain;
const valid = [{ containerID: 'other', ifname: 'eth0' }];
const GC = { command: 'GC', config: { ...portmap, cniVersion: '1.1.0', 'cni.dev/valid-attachments': valid } };

describe('portmap, while a daemon serves it and before each of its changes,', function () {
  this.timeout(300_000);

  let world: World;
  let added: Mapped;
  let othersElements: string[];
  let attached: Snapshot;
  let detached: Snapshot;

  beforeEach(async () => {
    world = await createWorld();
    await attach(world, others);
    othersElements = await elementsOf(world, 'other');
    added = await bridged(world, wanted);
    await serve(world, 'host', 'host', [8080]);
    await serve(world, added.pod, 'pod', [80]);
    await map();
    expect(await elementsOf(world, 'test')).to.have.length.above(mappings.length);
    attached = await world.snapshot();
    await unmap();
    detached = await world.snapshot();
    await expectState(detached);
  });

  afterEach(() => world.close());

  const map = () => succeed(world, 'portmap', portmapCall(added));
  /** Told of no mappings: the record is enough. */
  const unmap = () => succeed(world, 'portmap', { ...portmapCall(added, 'DEL'), config: portmap });

  /** Who answers the next datagram of a flow that never ends, in each family. */
  async function answerer(): Promise<string> {
    const questions = added.result.ips.map(({ gateway: address }: { gateway: string }) =>
      ask(world, 'host', { address, port: 8080, protocol: 'udp', fromPort: 5555 }),
    );
    return [...new Set((await Promise.all<string>(questions)).map((answer) => answer.split(' ')[0]))].join(' and ');
  }

  async function expectState(expected: Snapshot): Promise<void> {
    expectUnchanged(expected, await world.snapshot(), { allow: bookkeeping });
    expect(await answerer(), 'who answers').to.equal(expected === attached ? 'pod' : 'host');
  }
  const expectAttached = () => expectState(attached);

  /** Before each round of a DEL the ports are mapped. `look` is to leave nothing of them. */
  async function everyKill(command: 'ADD' | 'DEL', victim: Victim, look: WarmRound['look']): Promise<string[]> {
    const prepare = async () => {
      if (command === 'ADD') return;
      await map();
      expect(await answerer()).to.equal('pod');
    };
    await prepare();
    const hit = await killWarmAtEveryCall(world, {
      type: 'portmap',
      call: portmapCall(added, command),
      victim,
      // A flow that has been ended goes where ports lead to now, and would stay there.
      held: async ({ detail }) => {
        if (detail.startsWith('nfnetlink ')) await answerer();
      },
      look: async (at, answer) => {
        expect(await elementsOf(world, 'other')).to.deep.equal(othersElements);
        await look(at, answer);
        await expectState(detached);
        await prepare();
      },
    });
    const calls = hit.map(brief);
    // Of connection tracking (1) flows are asked for (1) and ended (2).
    const flows = [1, 2].map((message) => `sendto nfnetlink subsystem 1, message ${message}`);
    expect(calls).to.include.members(['sendto nftables batch', ...flows]);
    // Claimed, and answered.
    expect([calls[0], calls.at(-1)]).to.deep.equal(['write frame 2', 'write frame 6']);
    expect(calls.length).to.be.above(command === 'ADD' ? 10 : 8);
    return calls;
  }

  it('ADD, if the daemon is killed, is served all the same: the ports lead to the pod', async () => {
    await everyKill('ADD', 'daemon', async (_, { code, stdout, stderr, json }) => {
      expect({ code, stderr }, stdout).to.deep.equal({ code: 0, stderr: '' });
      expect(json).to.deep.equal(added.result);
      await expectAttached();
      await unmap();
    });
  });

  it('ADD, if the launcher is killed, is taken back by itself, unless it was complete', async () => {
    const kept: string[] = [];
    const hit = await everyKill('ADD', 'launcher', async (at) => {
      if ((await elementsOf(world, 'test')).length === 0) return;
      kept.push(brief(at));
      await expectAttached();
      await unmap();
    });
    // From the last writing of its record on nobody asks any more whether the caller is still there.
    expect(kept).to.deep.equal(hit.slice(-2));
    expect(kept[0]).to.match(/^write .*portmap\.json$/);
  });

  it('DEL, if the daemon is killed, is served all the same', async () => {
    await everyKill('DEL', 'daemon', async (_, { code, stdout, stderr }) => {
      expect({ code, stdout, stderr }).to.deep.equal({ code: 0, stdout: '', stderr: '' });
    });
  });

  it('DEL, if the launcher is killed, is done to its end, once it was begun', async () => {
    await everyKill('DEL', 'launcher', async (at) => {
      if (brief(at) === 'write frame 2') await unmap();
    });
  });

  const makeGood = {
    DEL: unmap,
    'a second ADD and its DEL': () => map().then(expectAttached).then(unmap),
    GC: () => succeed(world, 'portmap', GC),
  };
  for (const [command, repairs] of [
    ['ADD', ['DEL', 'a second ADD and its DEL', 'GC']],
    ['DEL', ['DEL', 'a second ADD and its DEL']],
  ] as const)
    for (const repair of repairs)
      it(`${command}, if both are killed, leaves nothing after ${repair}`, async () => {
        await everyKill(command, 'both', async (_, { signal }) => {
          expect(signal).to.equal('SIGKILL');
          await makeGood[repair]();
        });
      });
});
