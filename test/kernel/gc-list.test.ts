import { expect } from 'chai';
import { none, partsOf, whole } from '../support/attachment-parts';
import { expectUnchanged } from '../support/expect-unchanged';
import { bridgeNetwork, type Config, refusal, succeed } from '../support/network';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork({ cniVersion: '1.1.0', ipMasq: true });
const valid = 'cni.dev/valid-attachments';
/** What libcni 1.2 sent by mistake, and its successors send beside the other. */
const former = 'cni.dev/attachments';
const one = { containerID: 'one', ifname: 'eth0' };
const two = { containerID: 'two', ifname: 'eth0' };

const pods = ['one', 'two'] as const;

describe("GC's list of valid attachments", () => {
  let world: World;

  before(async () => {
    world = await createWorld();
    for (const pod of pods) await world.addPod(pod);
    await attach();
  });

  const attach = () => Promise.all(pods.map((pod) => call(pod, 'ADD')));
  const call = (containerId: string, command: string) =>
    succeed(world, 'bridge', { command, containerId, netns: `/run/netns/${containerId}`, config });

  after(() => world.close());

  const gc = (list: Config) => ({ command: 'GC', config: { ...config, ...list } });

  const malformed: [what: string, list: unknown][] = [
    ['an object', { one }],
    ['a text', 'one'],
    ['a number', 0],
    ['false', false],
    ['a list of texts', ['one']],
    ['a list in a list', [[one]]],
    ['an entry without an interface', [one, { containerID: 'two' }]],
    ['an entry without a container', [one, { ifname: 'eth0' }]],
    ['an entry with a number for a name', [one, { containerID: 2, ifname: 'eth0' }]],
    ['a list with a hole', [one, null]],
  ];
  for (const key of [valid, former]) {
    for (const [what, list] of malformed) {
      it(`is refused, and nothing touched, where "${key}" is ${what}`, async () => {
        const before = await world.snapshot();
        const { code, msg } = await refusal(world, 'bridge', gc({ [key]: list }));
        expect({ code, names: msg.includes(key) }, msg).to.deep.equal({ code: 7, names: true });
        expectUnchanged(before, await world.snapshot());
      });
    }
  }

  const forms: [what: string, list: Config, isKept: { one: boolean; two: boolean }][] = [
    ['is read under its former name', { [former]: [one] }, { one: true, two: false }],
    [
      'counts under its present name where both are given',
      { [former]: [two], [valid]: [one] },
      { one: true, two: false },
    ],
    [
      'may name what is not there, and have more keys',
      {
        [valid]: [
          { ...two, more: 1 },
          { ...one, ifname: 'net1' },
        ],
      },
      { one: false, two: true },
    ],
    ['is none where it is null', { [valid]: null }, { one: true, two: true }],
    ['may be empty', { [valid]: [] }, { one: false, two: false }],
  ];
  for (const [what, list, isKept] of forms) {
    it(what, async () => {
      await succeed(world, 'bridge', gc(list));
      const state = await world.snapshot();
      for (const pod of pods) expect(partsOf(state, pod), pod).to.deep.equal(isKept[pod] ? whole : none);
      await Promise.all(pods.map((pod) => call(pod, 'DEL')));
      await attach();
    });
  }
});
