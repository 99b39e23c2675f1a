import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { brief, freshNode, inWorld, killAtEveryCall, ours, snapshotAfter } from '../support/kill-rounds';
import { sharedObjects } from '../support/leftovers';
import { bridgeNetwork, hostLocal, refusal, succeed } from '../support/network';
import { cniEnvironment, cniInput, installedPlugins } from '../support/plugins';
import type { Snapshot } from '../support/snapshot';
import type { World } from '../support/world';

/** A lease of it is a folder, so that there is no half of one. */
const FOREIGN_IPAM = `#!/bin/sh -e
lease=/run/foreign/lease-$CNI_CONTAINERID
case $CNI_COMMAND in
ADD) mkdir $lease; echo '{"cniVersion":"1.1.0","ips":[{"address":"10.1.2.9/24"}]}' ;;
DEL) if [ -e $lease ]; then rmdir $lease; fi ;;
esac
`;

const network = (changes: object) => bridgeNetwork({ cniVersion: '1.1.0', ipMasq: true, ...changes });

describe('SIGKILL, followed by DEL, leaves nothing', function () {
  this.timeout(120_000);

  let untouched: Snapshot;
  const expectNothingLeft = async (world: World) =>
    expectUnchanged(untouched, await world.snapshot(), { allow: sharedObjects('br0') });

  before(async () => {
    untouched = await snapshotAfter(freshNode);
  });

  it('of the launcher, before it has become the plugin', () =>
    inWorld(freshNode, async (world) => {
      const config = network({});
      // The first execve is that of strace's own child.
      const inject = ['-f', '-qq', '-o', '/dev/null', '-e', 'inject=execve:signal=SIGKILL:when=1'];
      const { code, signal, stdout } = await world.run('strace', [...inject, join(installedPlugins, 'bridge')], {
        env: cniEnvironment(ours(config), installedPlugins),
        input: cniInput(ours(config)),
      });
      expect({ killed: signal === 'SIGKILL' || code === 137, stdout }).to.deep.equal({ killed: true, stdout: '' });
      await succeed(world, 'bridge', ours(config, 'DEL'));
      await expectNothingLeft(world);
    }));

  it('of an ADD that fails and takes back what it did', async () => {
    const unreachable = { dst: '198.51.100.0/24', gw: '203.0.113.1' };
    const config = network({ ipam: { ...hostLocal(), routes: [unreachable] } });
    await inWorld(freshNode, async (world) => {
      expect((await refusal(world, 'bridge', ours(config))).msg).to.match(/198\.51\.100\.0/);
      await expectNothingLeft(world);
    });
    const hit = await killAtEveryCall({
      start: freshNode,
      type: 'bridge',
      call: ours(config),
      look: async (world) => {
        await succeed(world, 'bridge', ours(config, 'DEL'));
        await expectNothingLeft(world);
      },
    });
    expect(hit.map(brief)).to.include.members(['sendto RTM_NEWROUTE', 'sendto RTM_DELLINK']);
  });

  it('of loopback', async () => {
    const config = { cniVersion: '1.1.0', name: 'lo', type: 'loopback' };
    const hit = await killAtEveryCall({
      start: freshNode,
      type: 'loopback',
      call: ours(config),
      look: async (world) => {
        await succeed(world, 'loopback', ours(config, 'DEL'));
        await expectNothingLeft(world);
      },
    });
    expect(hit.map(({ detail }) => detail)).to.include('RTM_SETLINK');
  });

  describe('with an IPAM plugin of somebody else', () => {
    const config = network({ ipam: { type: 'foreign-ipam' } });
    const env = { CNI_PATH: `${installedPlugins}:/run/foreign` };

    async function foreignNode(world: World): Promise<void> {
      await freshNode(world);
      mkdirSync(world.path('/run/foreign'));
      writeFileSync(world.path('/run/foreign/foreign-ipam'), FOREIGN_IPAM, { mode: 0o755 });
    }

    before(async () => {
      untouched = await snapshotAfter(foreignNode);
    });

    for (const victim of ['caller', 'plugin'] as const) {
      it(
        victim === 'caller' ? 'of whichever process makes a change' : 'of the plugin, while its delegate goes on',
        async () => {
          const call = { ...ours(config), env };
          const hit = await killAtEveryCall({
            start: foreignNode,
            type: 'bridge',
            call,
            victim,
            look: async (world) => {
              await succeed(world, 'bridge', { ...call, command: 'DEL' });
              await expectNothingLeft(world);
            },
          });
          expect(hit.map(brief)).to.include('mkdir /run/foreign/lease-test');
        },
      );
    }
  });
});
