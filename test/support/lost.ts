import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { refusal, succeed } from './network';
import type { CniCall } from './plugins';
import { isWarm } from './warm';
import type { World } from './world';

/**
 * A CHECK of bridge after somebody has run `nft <command>`: a whole table it puts back itself, and a daemon puts back rules
 * and chains, too, in a while; of anything else it says that it is `lost`.
 */
export async function checkLost(world: World, command: string, check: CniCall, lost: readonly string[]): Promise<void> {
  if (/^(flush ruleset|delete table)/.test(command)) {
    await succeed(world, 'bridge', check);
  } else if (isWarm && !command.startsWith('flush set')) {
    for (const ends = Date.now() + 10_000; (await world.cni('bridge', check)).code !== 0; await sleep(20))
      expect(Date.now(), 'the daemon has restored nothing').to.be.below(ends);
  } else {
    const { code, msg } = await refusal(world, 'bridge', check);
    expect({ code, found: msg.split('; ').sort() }).to.deep.equal({ code: 101, found: [...lost].sort() });
  }
}
