import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { bookkeeping } from '../support/leftovers';
import { bridgeNetwork, type Config, hostEndOf, hostLocal, ipsOf, refusal, succeed } from '../support/network';
import type { Pod } from '../support/peers';
import type { CniCall } from '../support/plugins';
import { createWorld, type World } from '../support/world';

/** On a node where this network has a pod already, so that a refused ADD has no reason to change anything at all. */
describe('ADD of bridge refuses and changes nothing', () => {
  let world: World;
  let pod: Pod;

  beforeEach(async () => {
    world = await createWorld();
    await succeed(world, 'bridge', { netns: await world.addPod(), containerId: 'first', config: bridgeNetwork() });
    pod = await world.addPod();
  });

  afterEach(() => world.close());

  /** The error of an ADD that must leave the world as it was, but for the locks it takes and host-local's notes. */
  async function refused(changes: Config, call: Partial<CniCall> = {}, allow: RegExp[] = bookkeeping) {
    const before = await world.snapshot();
    const error = await refusal(world, 'bridge', { netns: pod, config: bridgeNetwork(changes), ...call });
    expectUnchanged(before, await world.snapshot(), { allow });
    return error;
  }

  describe('for the namespace', () => {
    const cases: [string, string, number][] = [
      ['is missing', '/run/netns/gone', 3],
      ['is a file', '/run/a-file', 4],
      ['is a folder', '/run', 4],
      ['is a fifo', '/run/a-fifo', 4],
      ['is a namespace of another kind', '/proc/self/ns/uts', 4],
      ['is below a file', '/run/a-file/netns', 4],
    ];
    for (const [what, netns, code] of cases) {
      it(`that ${what}: code ${code} that names it, at once`, async () => {
        await world.run('sh', ['-c', 'echo >/run/a-file; mkfifo /run/a-fifo']);
        const error = await refused({}, { netns, timeoutMs: 5000 }, []);
        expect(error.code).to.equal(code);
        expect(error.msg).to.include(`failed to open netns "${netns}": `);
      });
    }

    it("that is the caller's own: code 8, unless CNI_NETNS_OVERRIDE permits it", async () => {
      const netns = '/proc/self/ns/net';
      const { code, msg } = await refused({}, { netns }, []);
      expect({ code, msg }).to.deep.equal({
        code: 8,
        msg: "plugin's netns and netns from CNI_NETNS should not be the same",
      });
      const permitted = { netns, config: bridgeNetwork({ isDefaultGateway: false }), env: { CNI_NETNS_OVERRIDE: '1' } };
      const before = await world.snapshot();
      await succeed(world, 'bridge', permitted);
      expect((await world.ip('link show eth0'))[0].operstate).to.equal('UP');
      await succeed(world, 'bridge', { ...permitted, command: 'DEL' });
      expectUnchanged(before, await world.snapshot(), { allow: bookkeeping });
    });
  });

  describe('for what is there', () => {
    it('an exhausted pool: the text of the IPAM plugin', async () => {
      const ipam = hostLocal([{ subnet: '10.1.2.0/24', rangeStart: '10.1.2.2', rangeEnd: '10.1.2.2' }]);
      const { code, msg } = await refused({ ipam });
      expect(code).to.equal(999);
      expect(msg).to.include('no IP addresses available in range set: 10.1.2.2-10.1.2.2');
    });

    it('a pool of which the second family is exhausted: the first address is free again', async () => {
      const ipam = hostLocal([{ subnet: '10.1.2.0/24' }], [{ subnet: 'fd00:1:2::/64', rangeEnd: 'fd00:1:2::2' }]);
      const { msg } = await refused({ ipam });
      expect(msg).to.include('failed to allocate for range 1: no IP addresses available');
    });

    it('an MTU that is too small for the IPv6 address', async () => {
      const { code, msg } = await refused({ mtu: 1279, bridge: 'br9' });
      expect({ code, msg }).to.deep.equal({ code: 7, msg: '"mtu": IPv6 needs 1280 at least, found 1279' });
    });

    it('a name for the interface that the kernel would make another of', async () => {
      expect((await refused({}, { ifname: 'eth%d' }, [])).code).to.equal(4);
    });

    it('a pod that has an interface of that name', async () => {
      await world.ip('link add eth0 type veth peer name mine', pod);
      const { code, msg, details } = await refused({});
      expect({ code, msg, details }).to.deep.equal({
        code: 999,
        msg: 'container veth name provided (eth0) already exists',
        details: `in ${pod.path}`,
      });
    });

    it('a bridge name that belongs to something else', async () => {
      await world.ip('link add mine type veth peer name other');
      const { code, msg, details } = await refused({ bridge: 'mine' });
      expect({ code, msg, details }).to.deep.equal({
        code: 999,
        msg: '"mine" already exists but is not a bridge',
        details: 'it is a veth device',
      });
      expect((await refused({ bridge: 'lo' })).msg).to.equal('"lo" already exists but is not a bridge');
    });

    it("a foreign link with the host end's name: the error says whose it is", async () => {
      const call = { netns: pod, containerId: 'c', config: bridgeNetwork() };
      const hostEnd = hostEndOf(await succeed(world, 'bridge', call));
      await succeed(world, 'bridge', { ...call, command: 'DEL' });
      await world.ip(`link add ${hostEnd} address 02:00:00:00:00:77 type veth peer name other`);
      await world.ip(`link set ${hostEnd} alias mine`);
      const { code, msg, details } = await refused({}, { containerId: 'c' });
      expect({ code, msg, details }).to.deep.equal({
        code: 999,
        msg: `"${hostEnd}" already exists on the host`,
        details: 'its MAC is 02:00:00:00:00:77, its alias "mine"',
      });
    });

    it('a live attachment: code 100, whatever the configuration says now', async () => {
      const call = { netns: pod, containerId: 'live', config: bridgeNetwork() };
      const [ip] = ipsOf(await succeed(world, 'bridge', call));
      for (const changes of [{}, { bridge: 'br9', ipam: {} }]) {
        const { code, msg, details } = await refused(changes, { containerId: 'live' });
        expect({ code, msg, details }).to.deep.equal({
          code: 100,
          msg: 'container live is already attached to network "net" as "eth0"',
          details: `added for ${pod.path}; DEL it first`,
        });
      }
      expect(await world.ping('host', ip ?? '')).to.equal(true);
    });
  });
});
