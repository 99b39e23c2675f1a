import { expect } from 'chai';
import type { Route } from '../../../lib/cni/result';
import type { RouteAdd } from '../../../lib/kernel/contract';
import { routeSteps } from '../../../lib/plugins/routes';

const ips = [
  { address: '10.1.2.3/24' },
  { address: '10.1.2.4/24', gateway: '10.1.2.1' },
  { address: 'fd00::3/64', gateway: 'fd00::1' },
  { address: 'fd00::4/64', gateway: 'fd00::2' },
];

/** What a route becomes, without what is the same for all. */
function become(...routes: Route[]): Partial<RouteAdd>[] {
  return routeSteps('eth0', routes, ips).map(({ op, ns, link, ifExists, ...rest }) => {
    expect({ op, ns, link, ifExists }).to.deep.equal({ op: 'route.add', ns: 'pod', link: 'eth0', ifExists: 'fail' });
    return rest;
  });
}

describe("the steps of a result's routes", () => {
  it("fill in the family's first gateway where none is named", () => {
    expect(become({ dst: '10.7.0.0/16' }, { dst: '::/0' }, { dst: 'fd01::/64', gw: 'fd00::9' })).to.deep.equal([
      { dst: '10.7.0.0/16', gw: '10.1.2.1' },
      { dst: '::/0', gw: 'fd00::1' },
      { dst: 'fd01::/64', gw: 'fd00::9' },
    ]);
  });

  it('have no gateway where nobody named one', () => {
    expect(routeSteps('eth0', [{ dst: '10.7.0.0/16' }], [{ address: '10.1.2.3/24' }])[0]).not.to.have.property('gw');
  });

  it('leave the gateway out of an IPv4 route in the scope of the link or of the host', () => {
    expect(become({ dst: '10.7.0.0/16', scope: 253 }, { dst: '10.8.0.0/16', scope: 254 })).to.deep.equal([
      { dst: '10.7.0.0/16', scope: 253 },
      { dst: '10.8.0.0/16', scope: 254 },
    ]);
  });

  it('fill it in for other scopes, and for IPv6, which knows none', () => {
    expect(become({ dst: '10.7.0.0/16', scope: 0 }, { dst: 'fd01::/64', scope: 253 })).to.deep.equal([
      { dst: '10.7.0.0/16', gw: '10.1.2.1', scope: 0 },
      { dst: 'fd01::/64', gw: 'fd00::1', scope: 253 },
    ]);
  });

  it('keep a gateway that is named whatever the scope: it is for the kernel to refuse it', () => {
    const route = { dst: '10.7.0.0/16', gw: '10.1.2.7', scope: 253 };
    expect(become(route)).to.deep.equal([route]);
  });

  it('have every number that is given, and 0 only of a scope', () => {
    const numbers = { mtu: 1400, advmss: 1300, priority: 7, table: 1000, scope: 0 };
    expect(become({ dst: '::/0', gw: 'fd00::9', ...numbers })).to.deep.equal([
      { dst: '::/0', gw: 'fd00::9', ...numbers },
    ]);
    const zeros = { mtu: 0, advmss: 0, priority: 0, table: 0, scope: 0 };
    expect(become({ dst: '::/0', gw: 'fd00::9', ...zeros })).to.deep.equal([{ dst: '::/0', gw: 'fd00::9', scope: 0 }]);
  });

  it('ask for no more than the kernel would make of it', () => {
    expect(become({ dst: '::/0', mtu: 70_000, advmss: 70_000 })[0]).to.include({ mtu: 65_520, advmss: 65_495 });
  });

  it('add what is told twice once, and two ways to one destination both', () => {
    const [own, other] = [{ dst: '10.7.0.0/16' }, { dst: '10.7.0.0/16', gw: '10.1.2.7' }];
    expect(become(own, other, own, { ...own, gw: '10.1.2.1' })).to.deep.equal([{ ...own, gw: '10.1.2.1' }, other]);
  });
});
