import { writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping } from '../support/leftovers';
import { bridgeNetwork, type Config, hostLocal, ranges } from '../support/network';
import { type CniAnswer, referencePlugins } from '../support/plugins';
import { createWorld, type World } from '../support/world';

const { ipv4, ipv6 } = ranges;
const resolvConf = 'nameserver 192.0.2.53\ndomain d.example\nsearch x.example\noptions ndots:5\n';
const fromFile = { ...hostLocal(ipv4), resolvConf: '/run/resolv.conf' };
/** What it says. The reference's bridge knows it in its newer versions only: 1.1.1 has to be told. */
const told = { nameservers: ['192.0.2.53'], domain: 'd.example', search: ['x.example'], options: ['ndots:5'] };
const dns = { nameservers: ['10.1.2.53'], domain: 'example.org', search: ['a', 'b'], options: ['ndots:2'] };

/** What to print, by what the configuration asks for; `theirs` replaces keys for the reference. */
const configs: Record<string, Config & { theirs?: Config }> = {
  'layer 2': { ipam: {}, isDefaultGateway: false },
  'one IPv4 address': { ipam: hostLocal(ipv4) },
  'one IPv6 address': { ipam: hostLocal(ipv6) },
  'an address without a gateway': { ipam: hostLocal(ipv4), isDefaultGateway: false },
  'an address of each family': { ipam: hostLocal(ipv4, ipv6), dns },
  'two IPv4 addresses': { ipam: hostLocal(ipv4, [{ subnet: '10.1.3.0/24' }]), isDefaultGateway: false },
  'two IPv6 addresses': { ipam: hostLocal(ipv6, [{ subnet: 'fd00:1:3::/64' }]), isDefaultGateway: false },
  'the dns of the IPAM plugin': { ipam: fromFile, theirs: { dns: told } },
  'its own dns in place of that': { ipam: fromFile, dns },
  'a part of a dns in place of all of that': { ipam: fromFile, dns: { search: ['own.example'] } },
  'an empty dns in place of nothing': { ipam: fromFile, dns: { nameservers: [], domain: '' }, theirs: { dns: told } },
  'routes with and without a gateway': {
    ipam: {
      ...hostLocal(ipv6, ipv4),
      routes: [
        { dst: '192.0.2.0/24' },
        { dst: '2001:db8::/32', gw: 'fd00:1:2::7' },
        { dst: '0.0.0.0/0', gw: '10.1.2.9' },
      ],
    },
  },
};

/** What 0.1.0 and 0.2.0 have no room for. */
const untold = ['layer 2', 'two IPv4 addresses', 'two IPv6 addresses'];

describe('the text of a result', () => {
  let ours: World;
  let theirs: World;

  before(async () => {
    [ours, theirs] = await Promise.all([createWorld(), createWorld({ plugins: referencePlugins })]);
    for (const world of [ours, theirs]) writeFileSync(world.path('/run/resolv.conf'), resolvConf);
  });
  after(() => Promise.all([ours.close(), theirs.close()]));

  let networks = 0;

  /** ADD on a network, a bridge and a pod of its own. In hairpin mode the reference does not wait for an IPv6 address to settle. */
  async function add(world: World, name: string, config: Config): Promise<CniAnswer> {
    const netns = await world.addPod(name);
    return world.cni('bridge', { netns, config: bridgeNetwork({ name, bridge: name, hairpinMode: true, ...config }) });
  }

  /** The answers of both to these cases, all at once. */
  function answersOfBoth(cases: readonly string[], cniVersion: string) {
    return Promise.all(
      cases.map(async (what) => {
        const { theirs: changes, ...config } = { ...configs[what], cniVersion };
        const name = `n${++networks}`;
        const [mine, reference] = await Promise.all([
          add(ours, name, config),
          add(theirs, name, { ...config, ...changes }),
        ]);
        return { what, name, mine, reference };
      }),
    );
  }

  for (const cniVersion of ['0.1.0', '0.2.0']) {
    it(`is an error in ${cniVersion} where that cannot tell it: the reference's, with nothing done`, async () => {
      const before = await ours.snapshot();
      const answers = await answersOfBoth(untold, cniVersion);
      for (const { what, mine, reference } of answers) {
        expect(mine.json, what).to.deep.equal({ code: 7, msg: reference.json.msg });
      }
      const pods = answers.map(({ name }) => new RegExp(`^namespaces ${name}: added`));
      expectUnchanged(before, await ours.snapshot(), { allow: [...bookkeeping, ...pods] });
    });
  }

  for (const cniVersion of ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0']) {
    it(`is the reference's in ${cniVersion}, byte for byte`, async () => {
      const cases = Object.keys(configs).filter((what) => cniVersion >= '0.3.0' || !untold.includes(what));
      for (const { what, mine, reference } of await answersOfBoth(cases, cniVersion)) {
        const expected = plain(reference);
        expect(plain(mine), what).to.equal(cniVersion === '1.0.0' ? asNewer(expected) : expected);
      }
    });
  }

  it('in 1.1.0 is that of 1.0.0 with the MTU of each interface', async () => {
    const texts = await Promise.all(
      Object.values(configs).map(async ({ theirs: _, ...config }) => {
        const [one, two] = [`n${++networks}`, `n${++networks}`];
        const [newer, older] = await Promise.all([
          add(ours, one, { ...config, mtu: 1400, cniVersion: '1.1.0' }),
          add(ours, two, { ...config, mtu: 1400, cniVersion: '1.0.0' }),
        ]);
        return [plain(newer), plain(older).replace('1.0.0', '1.1.0').replaceAll(two, one)] as const;
      }),
    );
    for (const [newer, older] of texts) {
      expect(newer).to.equal(older.replaceAll(/^( +)"mac": "MAC",$/gm, '$&\n$1"mtu": 1400,'));
    }
  });
});

/** What was printed, with words in place of what each implementation chooses for itself. */
function plain(answer: CniAnswer | undefined): string {
  expect(answer?.code, answer?.stdout).to.equal(0);
  return (answer?.stdout ?? '')
    .replaceAll(/(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/g, 'MAC')
    .replaceAll(/"veth[0-9a-z]+"/g, '"veth"');
}

/** What the reference prints by way of a Go map since libcni 1.2: an empty dns left out, keys in alphabetical order. */
function asNewer(text: string): string {
  const sorted = (_key: string, value: unknown) =>
    value === null || typeof value !== 'object' || Array.isArray(value)
      ? value
      : Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  const { dns, ...rest } = JSON.parse(text);
  return JSON.stringify(Object.keys(dns).length > 0 ? { dns, ...rest } : rest, sorted, 4);
}
