import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { cniHeldAt, cniKilledAt } from '../support/kill-at';
import { brief, inWorld, killAtEveryCall, type Start, snapshotAfter } from '../support/kill-rounds';
import { bookkeeping, sharedObjects } from '../support/leftovers';
import { nft } from '../support/masquerading';
import { succeed } from '../support/network';
import {
  attach,
  bridgeCall,
  bridged,
  chain,
  elementsOf,
  type Mapped,
  portmapCall,
  table,
} from '../support/portmapping';
import type { Snapshot } from '../support/snapshot';
import type { World } from '../support/world';

const keys = { conditionsV4: ['-s', '0.0.0.0/0'] };
const mappings = ['tcp', 'udp'].flatMap((protocol) => [
  { hostPort: 8080, containerPort: 80, protocol },
  { hostPort: 8081, containerPort: 81, protocol, hostIP: '192.0.2.1' },
]);
const wanted = { containerId: 'test', chain: chain(keys), mappings };

/** The pod whose mappings are made and removed. */
let added: Mapped;

/** Nodes on which the pod has its link already: one where no port was mapped since it booted, … */
const freshNode: Start = async (world) => {
  added = await bridged(world, wanted);
};
/** … and one where another pod has mappings. */
const busyNode: Start = async (world) => {
  await otherPod(world);
  added = await bridged(world, wanted);
};
const otherPod: Start = (world) => {
  const mappings = [{ hostPort: 9000, containerPort: 80, protocol: 'udp' }];
  return attach(world, { ...wanted, containerId: 'other', mappings });
};
const attachedNode: Start = async (world) => {
  await busyNode(world);
  await succeed(world, 'portmap', portmapCall(added));
};

describe('portmap, killed before each of its changes,', function () {
  this.timeout(300_000);

  let detached: Snapshot;

  before(async () => {
    detached = await snapshotAfter(async (world) => {
      await otherPod(world);
      await world.addPod('test');
    });
  });

  /** A call about the pod as `start` makes it: the same in every world, as names and MACs follow from the configuration. */
  const callAfter = (start: Start, command?: string) => inWorld(start, async () => portmapCall(added, command));

  /** A DEL of portmap's that is told of no mappings: the record is enough. Of the bridge's, too, with which the link goes. */
  const expectNothing = async (world: World, before: Snapshot, allow = bookkeeping) => {
    await succeed(world, 'portmap', { ...portmapCall(added, 'DEL'), config: chain().portmap });
    await succeed(world, 'bridge', bridgeCall(added, 'DEL'));
    expectUnchanged(before, await world.snapshot(), { allow });
  };

  it('ADD on a fresh node leaves nothing when DEL follows', async () => {
    const untouched = await snapshotAfter((world) => world.addPod('test'));
    // A condition's maps stay with the table: the next pod of the network looks them up.
    const allow = [...sharedObjects('br0'), /^namespaces host nft: added map .*"trestle_portmap"/];
    const hit = await killAtEveryCall({
      start: freshNode,
      type: 'portmap',
      call: await callAfter(freshNode),
      look: (world) => expectNothing(world, untouched, allow),
    });
    expect(hit.map(brief)).to.include.members(['sendto nftables batch', 'write standard output']);
    expect(hit.length).to.be.above(8);
  });

  it('ADD beside another pod leaves nothing when DEL follows', async () => {
    await killAtEveryCall({
      start: busyNode,
      type: 'portmap',
      call: await callAfter(busyNode),
      look: (world) => expectNothing(world, detached, [...bookkeeping, /^namespaces host nft: added map /]),
    });
  });

  it('ADD is made good by a second one', async () => {
    await killAtEveryCall({
      start: busyNode,
      type: 'portmap',
      call: await callAfter(busyNode),
      look: async (world) => {
        await succeed(world, 'portmap', portmapCall(added));
        expect(await elementsOf(world, 'test')).to.have.length.above(mappings.length);
        await expectNothing(world, detached);
      },
    });
  });

  it('DEL leaves nothing when another follows, and what others have all the time', async () => {
    const hit = await killAtEveryCall({
      start: attachedNode,
      type: 'portmap',
      call: await callAfter(attachedNode, 'DEL'),
      look: async (world) => {
        expect(await elementsOf(world, 'other')).to.not.deep.equal([]);
        await expectNothing(world, detached);
      },
    });
    expect(hit.map(brief)).to.include('sendto nftables batch');
  });
});

describe('portmap, held before it changes the table,', () => {
  const records = '/run/trestle/attachments';
  const portTo = (containerPort: number) => [{ hostPort: 8080, containerPort, protocol: 'tcp', hostIP: '0.0.0.0' }];
  const plain = { containerId: 'test', chain: chain() };

  /** A node that has lost the record of a pod whose port leads elsewhere: the pod's own element is there, to be replaced. */
  const forgetful: Start = async (world) => {
    added = { ...(await attach(world, { ...plain, mappings: portTo(81) })), mappings: portTo(80) };
    for (const name of readdirSync(world.path(records)))
      if (name.endsWith('.portmap.json')) rmSync(join(world.path(records), name));
  };

  it('takes nothing from a pod that was given its port meanwhile', async () => {
    const { calls } = await inWorld(forgetful, (world) => cniKilledAt(world, 'portmap', portmapCall(added), 0));
    const at = calls.find((call) => brief(call) === 'sendto nftables batch')?.index ?? 0;
    await inWorld(forgetful, async (world) => {
      const held = await cniHeldAt(world, 'portmap', portmapCall(added), at);
      await nft(world, `delete element ${table} any_v4 { tcp . 8080 }`);
      await attach(world, { ...plain, containerId: 'other', mappings: portTo(80) });
      const before = await elementsOf(world, 'other');
      const { code, stdout } = await held.resume();
      expect(code).to.equal(1);
      expect(stdout).to.match(/other eth0/);
      expect(await elementsOf(world, 'other')).to.deep.equal(before);
    });
  });
});

describe('portmap, where somebody has removed all tables', () => {
  it('adds a pod, restores what others had as far as it can read it, and says what it cannot', () =>
    inWorld(freshNode, async (world) => {
      await otherPod(world);
      const others = await elementsOf(world, 'other');
      const folder = world.path('/run/trestle/attachments');
      const records = () => readdirSync(folder).filter((name) => name.endsWith('.portmap.json'));
      const [intact = ''] = records();
      for (const [i, containerId] of ['one', 'two', 'three'].entries())
        await attach(world, { ...wanted, containerId, mappings: [{ ...mappings[0], hostPort: 9001 + i }] });
      const damaged = records().filter((name) => name !== intact);
      // Otherwise they would be read when all else is done.
      expect(damaged.some((name) => name < intact)).to.equal(true);
      for (const name of damaged) {
        const text = readFileSync(join(folder, name), 'utf8');
        writeFileSync(join(folder, name), text.replaceAll('"ensure":"{', '"ensure":"{{'));
      }
      for (const end of '2z') mkdirSync(join(folder, `${end}.portmap.json`));
      await nft(world, 'flush ruleset');
      const { code, stderr } = await world.cni('portmap', portmapCall(added));
      expect(code).to.equal(0);
      const complaints = stderr.trimEnd().split('\n');
      const unreadable =
        'trestle: restore what attachments had in nftables: EISDIR: illegal operation on a directory, read';
      expect(complaints.filter((line) => line === unreadable)).to.have.length(2);
      expect(complaints.filter((line) => /nftables: .*JSON/.test(line))).to.have.length(damaged.length);
      expect(complaints).to.have.length(2 + damaged.length);
      expect(await elementsOf(world, 'test')).to.have.length.above(mappings.length);
      expect(await elementsOf(world, 'other')).to.deep.equal(others);
    }));
});
