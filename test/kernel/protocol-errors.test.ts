import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping } from '../support/leftovers';
import { bridgeNetwork, type Config, hostLocal, ranges, succeed } from '../support/network';
import { type CniAnswer, type CniCall, referencePlugins } from '../support/plugins';
import type { Snapshot } from '../support/snapshot';
import { createWorld, type World } from '../support/world';

const network = (changes: Config = {}): Config =>
  bridgeNetwork({ cniVersion: '0.4.0', ipam: hostLocal(ranges.ipv4), ...changes });
const netns = '/run/netns/pod';

interface Case {
  what: string;
  /** "bridge" when absent. */
  type?: string;
  call: Partial<CniCall>;
  error: { code: number; msg: string; details?: string };
  /** What differs in the error of the reference, 1.1.1; 'none' where it is not asked, since it gives no such error. */
  reference?: Partial<Case['error']> | 'none';
}

const env = (changes: Record<string, string>): Partial<CniCall> => ({ env: changes });
const config = (changes: Config): Partial<CniCall> => ({ config: network(changes) });

const supported = '["0.1.0" "0.2.0" "0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]';
const badName = 'interface name contains / or : or whitespace characters';
const missing = (names: string) => ({ code: 4, msg: `required env variables [${names}] missing` });
const tooOld = (command: string) => ({ code: 1, msg: `config version does not allow ${command}` });

const environment: Case[] = [
  { what: 'no container ID', call: env({ CNI_CONTAINERID: '' }), error: missing('CNI_CONTAINERID') },
  {
    what: 'nothing but a command',
    call: env({ CNI_CONTAINERID: '', CNI_NETNS: '', CNI_IFNAME: '', CNI_PATH: '' }),
    error: missing('CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH'),
  },
  {
    what: 'a DEL without interface',
    call: { command: 'DEL', env: { CNI_IFNAME: '', CNI_NETNS: '' } },
    error: missing('CNI_IFNAME'),
  },
  {
    what: 'a CHECK without namespace',
    call: { command: 'CHECK', env: { CNI_NETNS: '' } },
    error: missing('CNI_NETNS'),
  },
  {
    what: 'a GC without path',
    call: { command: 'GC', env: { CNI_PATH: '' } },
    error: missing('CNI_PATH'),
    reference: 'none',
  },
  { what: 'an unknown command', call: { command: 'FOO' }, error: { code: 4, msg: 'unknown CNI_COMMAND: FOO' } },
  {
    what: 'a bad container ID',
    call: { containerId: '../x' },
    error: { code: 4, msg: 'invalid characters in containerID', details: '../x' },
  },
  { what: 'a slash in the interface name', call: { ifname: 'a/b' }, error: { code: 4, msg: badName } },
  { what: 'a colon in the interface name', call: { ifname: 'a:b' }, error: { code: 4, msg: badName } },
  { what: 'white space in the interface name', call: { ifname: 'a b' }, error: { code: 4, msg: badName } },
  {
    what: 'too long an interface name',
    call: { ifname: 'a'.repeat(16) },
    error: { code: 4, msg: 'interface name is too long', details: 'interface name should be less than 16 characters' },
  },
  { what: 'the interface name .', call: { ifname: '.' }, error: { code: 4, msg: 'interface name is . or ..' } },
  { what: 'the interface name ..', call: { ifname: '..' }, error: { code: 4, msg: 'interface name is . or ..' } },
  {
    what: "the caller's own namespace",
    call: { netns: '/proc/self/ns/net' },
    error: {
      code: 8,
      msg: "plugin's netns and netns from CNI_NETNS should not be the same",
      details: '/proc/self/ns/net',
    },
    // It makes the attachment first.
    reference: 'none',
  },
];

const configuration: Case[] = [
  { what: 'no network name', call: config({ name: '' }), error: { code: 7, msg: 'missing network name' } },
  {
    what: 'a network name that is a path',
    call: config({ name: '../net' }),
    error: { code: 7, msg: 'invalid characters found in network name', details: '../net' },
  },
  {
    what: 'a version of the future',
    call: config({ cniVersion: '9.9.9' }),
    error: { code: 1, msg: 'incompatible CNI versions', details: `config is "9.9.9", plugin supports ${supported}` },
    reference: { details: `config is "9.9.9", plugin supports ${supported.replace(' "1.1.0"', '')}` },
  },
  {
    what: 'a version that has no CHECK',
    call: { command: 'CHECK', ...config({ cniVersion: '0.3.1' }) },
    error: tooOld('CHECK'),
  },
  {
    what: 'a version that has no GC',
    call: { command: 'GC', ...config({ cniVersion: '1.0.0' }) },
    error: tooOld('GC'),
    reference: 'none',
  },
  {
    what: 'a version that has no STATUS',
    call: { command: 'STATUS', ...config({ cniVersion: '1.0.0' }) },
    error: tooOld('STATUS'),
    reference: 'none',
  },
];

const addresses: Case[] = [
  {
    what: 'an unknown argument',
    call: { args: 'FOO=1' },
    error: { code: 4, msg: 'ARGS: unknown args ["FOO=1"]' },
    reference: { code: 999 },
  },
  {
    what: 'an argument that is no pair',
    call: { args: 'FOO' },
    error: { code: 4, msg: 'ARGS: invalid pair "FOO"' },
    reference: { code: 999 },
  },
  {
    what: 'an address that somebody has',
    call: { args: 'IgnoreUnknown=1;IP=10.1.2.2' },
    error: {
      code: 999,
      msg: 'failed to allocate for range 0: requested IP address 10.1.2.2 is not available in range set 10.1.2.1-10.1.2.254',
    },
  },
  {
    what: 'an address outside the range',
    call: { args: 'IgnoreUnknown=1;IP=10.9.9.9' },
    error: { code: 999, msg: 'failed to allocate all requested IPs: 10.9.9.9' },
  },
  {
    what: 'an address that the same interface has already',
    type: 'host-local',
    call: { containerId: 'first', netns: '/run/netns/first' },
    error: {
      code: 999,
      msg: 'failed to allocate for range 0: 10.1.2.2 has been allocated to first, duplicate allocation is not allowed',
    },
  },
  {
    what: 'two addresses of a family, for an old version',
    call: config({ cniVersion: '0.2.0', ipam: hostLocal(ranges.ipv4, [{ subnet: '10.1.3.0/24' }]) }),
    error: { code: 7, msg: 'CNI version 0.2.0 does not support more than 1 address per family' },
    reference: { code: 999 },
  },
  {
    what: 'a CHECK of an address that nobody has',
    type: 'host-local',
    call: { command: 'CHECK', containerId: 'nobody' },
    error: { code: 101, msg: 'host-local: Failed to find address added by container nobody' },
    reference: { code: 999 },
  },
];

/** One world for each implementation, with one pod attached; no case may change anything in ours. */
describe('a request with a fault, to the installed program', () => {
  let worlds: [World, World];
  let untouched: Snapshot;

  before(async () => {
    worlds = await Promise.all([createWorld(), createWorld({ plugins: referencePlugins })]);
    for (const world of worlds) {
      const first = await world.addPod('first');
      await succeed(world, 'bridge', { netns: first, containerId: 'first', config: network() });
      await world.addPod('pod');
    }
    untouched = await worlds[0].snapshot();
  });
  after(() => Promise.all(worlds.map((world) => world.close())));

  const ask = (world: World, { type = 'bridge', call }: Case): Promise<CniAnswer> =>
    world.cni(type, { netns, config: network(), ...call });

  for (const one of [...environment, ...configuration, ...addresses]) {
    const { what, error, reference = {} } = one;
    it(`${what}: ${error.msg}`, async () => {
      const ours = await ask(worlds[0], one);
      expect(ours.json).to.deep.equal(error);
      expect(ours.stdout, 'the layout').to.equal(JSON.stringify(error, null, 4));
      expect(ours.code).to.equal(1);
      if (reference === 'none') return;
      // Which leaves its interface in the pod when the ADD fails.
      const pod = await worlds[1].addPod();
      const theirs = await ask(worlds[1], { ...one, call: { netns: pod, ...one.call } });
      expect(theirs.json).to.deep.equal({ ...error, ...reference });
    });
  }

  it('that is no JSON: code 6 in the words of a decoder', async () => {
    for (const world of worlds) {
      const { code, json } = await ask(world, { what: '', call: { config: '{' }, error: { code: 6, msg: '' } });
      expect({ code, error: json.code }).to.deep.equal({ code: 1, error: 6 });
      expect(json.msg).to.match(/^error unmarshall network config: /);
    }
  });

  it('has changed nothing', async () => {
    expectUnchanged(untouched, await worlds[0].snapshot(), { allow: bookkeeping });
  });
});
