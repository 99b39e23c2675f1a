import { expect } from 'chai';
import type { AddrAdd, AddrFact, RouteAdd, RouteFact, Step } from '../../../lib/kernel/contract';
import { pair, podUp, useNamespaces } from './support';

const address = (text: string, more: Partial<AddrAdd> = {}): AddrAdd => ({
  op: 'addr.add',
  ns: 'pod',
  link: 'eth0',
  address: text,
  ifExists: 'fail',
  ...more,
});
const route = (dst: string, more: Partial<RouteAdd> = {}): RouteAdd => ({
  op: 'route.add',
  ns: 'pod',
  link: 'eth0',
  dst,
  ifExists: 'fail',
  ...more,
});

describe('addresses and routes', () => {
  const ns = useNamespaces();
  beforeEach(() => ns.apply(pair, podUp));

  describe('addr.add', () => {
    it('adds an IPv4 address with its broadcast address', async () => {
      const outcomes = await ns.apply(address('10.1.2.3/24'), address('10.9.0.1/31'));
      expect(outcomes.map(({ did }) => did)).to.deep.equal(['created', 'created']);
      const [{ addr_info: seen }] = await ns.ip('pod', '-4', 'addr', 'show', 'eth0');
      expect(seen[0]).to.include({ local: '10.1.2.3', prefixlen: 24, broadcast: '10.1.2.255', scope: 'global' });
      expect(seen[1]).to.include({ local: '10.9.0.1', prefixlen: 31 }).and.not.to.have.property('broadcast');
    });

    it('adds an IPv6 address that is usable at once with nodad, and tentative without', async () => {
      await ns.apply(address('fd00::1/64', { nodad: true }), address('fd00::2/64'));
      const facts = (await ns.ask({ query: 'addrs', ns: 'pod', link: 'eth0' })) as AddrFact[];
      const tentative = Object.fromEntries(facts.map((fact) => [fact.address, fact.tentative]));
      expect(tentative).to.include({ 'fd00::1/64': false, 'fd00::2/64': true });
    });

    it('keeps or refuses an address that is there', async () => {
      await ns.apply(address('10.1.2.3/24'));
      const [kept] = await ns.apply(address('10.1.2.3/24', { ifExists: 'keep' }));
      expect(kept?.did).to.equal('kept');
      const { faults } = await ns.attempt(address('10.1.2.3/24'));
      expect(faults[0]).to.include({ op: 'add address 10.1.2.3/24 to eth0 in the pod', errno: 'EEXIST' });
    });

    it('says which link is missing', async () => {
      const { faults } = await ns.attempt(address('10.1.2.3/24', { link: 'eth7' }));
      expect(faults[0]).to.include({ errno: 'ENODEV', message: 'there is no link "eth7" in the pod' });
    });
  });

  describe('addr.delete', () => {
    const remove = (text: string, ifMissing: 'keep' | 'fail'): Step => ({
      op: 'addr.delete',
      ns: 'pod',
      link: 'eth0',
      address: text,
      ifMissing,
    });

    it('deletes exactly that address', async () => {
      await ns.apply(address('10.1.2.3/24'), address('10.1.3.3/24'), address('fd00::1/64'));
      const outcomes = await ns.apply(remove('10.1.2.3/24', 'fail'), remove('fd00::1/64', 'fail'));
      expect(outcomes.map(({ did }) => did)).to.deep.equal(['deleted', 'deleted']);
      const facts = (await ns.ask({ query: 'addrs', ns: 'pod', link: 'eth0' })) as AddrFact[];
      expect(facts.filter(({ scope }) => scope === 'global').map((fact) => fact.address)).to.deep.equal([
        '10.1.3.3/24',
      ]);
    });

    it('keeps or fails where there is none, or no link', async () => {
      const missing = { ...remove('10.1.2.3/24', 'keep'), link: 'eth7' } as Step;
      const kept = await ns.apply(remove('10.1.2.3/24', 'keep'), missing);
      expect(kept.map(({ did }) => did)).to.deep.equal(['kept', 'kept']);
      const { faults } = await ns.attempt(remove('10.1.2.3/24', 'fail'));
      expect(faults[0]).to.include({ op: 'delete address 10.1.2.3/24 from eth0 in the pod', errno: 'EADDRNOTAVAIL' });
    });
  });

  describe('route.add', () => {
    beforeEach(() => ns.apply(address('10.1.2.3/24'), address('fd00::3/64', { nodad: true })));

    it('adds default routes of both families through a gateway', async () => {
      await ns.apply(route('0.0.0.0/0', { gw: '10.1.2.1' }), route('::/0', { gw: 'fd00::1' }));
      const [v4] = await ns.ip('pod', '-4', 'route', 'show', 'default');
      expect(v4).to.include({ dst: 'default', gateway: '10.1.2.1', dev: 'eth0', protocol: 'boot', scope: 'global' });
      const [v6] = await ns.ip('pod', '-6', 'route', 'show', 'default');
      expect(v6).to.include({ dst: 'default', gateway: 'fd00::1', dev: 'eth0' });
    });

    it('sets everything that a route can be given', async () => {
      await ns.apply(
        route('10.7.0.0/16', { gw: '10.1.2.1', src: '10.1.2.3', mtu: 1400, advmss: 1300, priority: 7, table: 1000 }),
      );
      const [seen] = await ns.ip('pod', 'route', 'show', 'table', '1000');
      expect(seen).to.deep.include({ dst: '10.7.0.0/16', gateway: '10.1.2.1', prefsrc: '10.1.2.3', metric: 7 });
      expect(seen.metrics).to.deep.equal([{ mtu: 1400, advmss: 1300 }]);
      const facts = (await ns.ask({ query: 'routes', ns: 'pod', link: 'eth0' })) as RouteFact[];
      expect(facts.find(({ table }) => table === 1000)).to.deep.equal({
        dst: '10.7.0.0/16',
        gw: '10.1.2.1',
        table: 1000,
        scope: 0,
        priority: 7,
        mtu: 1400,
        advmss: 1300,
        src: '10.1.2.3',
        protocol: 3,
        type: 1,
      });
    });

    it('gives a route without a gateway the scope of the link, unless told another', async () => {
      await ns.apply(route('10.7.0.0/16'), route('10.8.0.0/16', { scope: 0 }));
      expect((await ns.ip('pod', 'route', 'show', '10.7.0.0/16'))[0].scope).to.equal('link');
      expect((await ns.ip('pod', 'route', 'show', '10.8.0.0/16'))[0].scope).to.equal('global');
    });

    it('sends IPv4 through an IPv6 gateway', async () => {
      await ns.apply(route('10.7.0.0/16', { gw: 'fd00::1' }));
      const facts = (await ns.ask({ query: 'routes', ns: 'pod', link: 'eth0' })) as RouteFact[];
      expect(facts.find(({ dst }) => dst === '10.7.0.0/16')?.gw).to.equal('fd00::1');
    });

    it('keeps or refuses a route that is there', async () => {
      const [v4, v6] = [route('0.0.0.0/0', { gw: '10.1.2.1' }), route('::/0', { gw: 'fd00::1' })];
      await ns.apply(v4, v6);
      const kept = await ns.apply({ ...v4, ifExists: 'keep' }, { ...v6, ifExists: 'keep' });
      expect(kept.map(({ did }) => did)).to.deep.equal(['kept', 'kept']);
      for (const [step, words] of [
        [v4, '0.0.0.0/0 via 10.1.2.1'],
        [v6, '::/0 via fd00::1'],
      ] as const) {
        const { faults } = await ns.attempt(step);
        expect(faults[0]).to.include({ op: `add route ${words} through eth0 in the pod`, errno: 'EEXIST' });
      }
    });

    it('adds another way to a destination that has one, and the query tells both', async () => {
      const ways = [
        route('10.7.0.0/16', { gw: '10.1.2.1' }),
        route('10.7.0.0/16', { gw: '10.1.2.2' }),
        route('10.1.2.0/24', { gw: '10.1.2.1' }),
        route('fd01::/64', { gw: 'fd00::1' }),
        route('fd01::/64', { gw: 'fd00::2' }),
      ];
      await ns.apply(...ways);
      const facts = (await ns.ask({ query: 'routes', ns: 'pod', link: 'eth0' })) as RouteFact[];
      const told = facts.filter(({ gw }) => gw !== null).map(({ dst, gw }) => `${dst} via ${gw}`);
      expect(told).to.have.members(ways.map(({ dst, gw }) => `${dst} via ${gw}`));
    });

    it('passes on how the kernel explains itself', async () => {
      const { faults } = await ns.attempt(route('10.7.0.0/16', { gw: '192.0.2.1' }));
      expect(faults[0]).to.include({ errno: 'ENETUNREACH', extack: 'Nexthop has invalid gateway' });
    });
  });

  describe('the query routes', () => {
    it('finds each path of a multipath route through the link', async () => {
      await ns.run('pod', 'sh', '-c', 'ip addr add 10.1.2.3/24 dev eth0; ip link set lo up');
      const paths = ['nexthop', 'via', '10.1.2.1', 'dev', 'eth0', 'nexthop', 'via', '10.1.2.2', 'dev', 'eth0'];
      await ns.run('pod', 'ip', 'route', 'add', '10.7.0.0/16', ...paths);
      const facts = (await ns.ask({ query: 'routes', ns: 'pod', link: 'eth0' })) as RouteFact[];
      expect(facts.filter(({ dst }) => dst === '10.7.0.0/16').map(({ gw }) => gw)).to.deep.equal([
        '10.1.2.1',
        '10.1.2.2',
      ]);
    });

    it('answers with an empty list for a link that is not there', async () => {
      expect(await ns.ask({ query: 'routes', ns: 'pod', link: 'eth7' })).to.deep.equal([]);
      expect(await ns.ask({ query: 'addrs', ns: 'pod', link: 'eth7' })).to.deep.equal([]);
    });
  });
});
