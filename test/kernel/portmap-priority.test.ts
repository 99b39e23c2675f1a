import { expect } from 'chai';
import { nft } from '../support/masquerading';
import { ask, serve } from '../support/port-peer';
import { families, type Scene, setScene } from '../support/port-scene';
import { createWorld, type World } from '../support/world';

const mappings = ['tcp', 'udp'].map((protocol) => ({ hostPort: 8080, containerPort: 80, protocol }));

/** Somebody's rules that send the host's port 8080 to the pod "near", at the priority given in words of nft. */
const rival = (priority: string) => {
  const rules = `meta l4proto { tcp, udp } ip daddr 192.0.2.1 th dport 8080 dnat ip to 10.1.0.3:80
    meta l4proto { tcp, udp } ip6 daddr 2001:db8::1 th dport 8080 dnat ip6 to [fd00:1::3]:80`;
  return `table inet rival {
    chain from-others { type nat hook prerouting priority ${priority}; ${rules}\n }
    chain from-host { type nat hook output priority ${priority}; ${rules}\n }
  }`;
};

describe("portmap beside somebody's rules for the same port", () => {
  for (const [priority, winner, why] of [
    ['-100', 'near', 'theirs at dstnat come first'],
    ['-90', 'web', 'ours come first'],
  ] as const)
    for (const order of ['before', 'after'] as const)
      it(`that were loaded ${order} it: ${why}`, async () => {
        const world = await createWorld();
        try {
          if (order === 'before') await nft(world, rival(priority));
          const scene = await setScene(world, mappings);
          await serve(world, scene.near.pod, 'near', [80]);
          if (order === 'after') await nft(world, rival(priority));
          for (const answers of await everyAnswer(world, scene)) expect(answers).to.equal(winner);
        } finally {
          await world.close();
        }
      });

  async function everyAnswer(world: World, { outside, other }: Scene): Promise<string[]> {
    const answers = families.flatMap((_, index) =>
      ([outside, other.pod, 'host'] as const).flatMap((place) =>
        (['tcp', 'udp'] as const).map((protocol) =>
          ask(world, place, { address: outside.hostIps[index] as string, port: 8080, protocol }),
        ),
      ),
    );
    return (await Promise.all(answers)).map((answer) => answer.split(' ')[0] ?? '');
  }
});
