import { expect } from 'chai';
import { formatAddress } from '../../../../lib/cni/addresses';
import { parseArgs } from '../../../../lib/cni/args';
import { parseConfig } from '../../../../lib/cni/config';
import { dataDirOf, hostLocalConfig, type Settings, settingsOf } from '../../../../lib/ipam/host-local/config';
import { formatSet } from '../../../../lib/ipam/host-local/ranges';

const narrow = { subnet: '10.1.2.0/24', rangeStart: '10.1.2.9', rangeEnd: '10.1.2.20', gateway: '10.1.2.30' };
const wide = { subnet: '11.1.2.0/24' };

function settings(config: Record<string, unknown>, { args = '', cniVersion = '0.3.1' } = {}): Settings {
  return settingsOf(parseConfig(hostLocalConfig, config), { args: parseArgs(args), cniVersion });
}

const setsOf = (config: Record<string, unknown>): string[] => settings(config).sets.map(formatSet);
const requestedOf = (...args: Parameters<typeof settings>): string[] => settings(...args).requested.map(formatAddress);

function fault(work: () => unknown): { code?: number; message: string } {
  try {
    return { message: `succeeded: ${JSON.stringify(work())}` };
  } catch (error) {
    return { code: (error as { code: number }).code, message: (error as Error).message };
  }
}

describe("host-local's configuration", () => {
  it('has one range in the old style', () => {
    expect(setsOf({ ipam: narrow })).to.deep.equal(['10.1.2.9-10.1.2.20']);
    expect(formatAddress(settings({ ipam: narrow }).sets[0]?.[0]?.gateway ?? { family: 4, value: 0n })).to.equal(
      '10.1.2.30',
    );
  });

  it('has range sets in the new style, the old range before them and those of the runtime before all', () => {
    const runtimeConfig = { ipRanges: [[{ subnet: '12.0.0.0/24' }], [{ subnet: 'fd00::/120' }]] };
    expect(setsOf({ ipam: { ranges: [[wide, { subnet: '13.0.0.0/30' }]], ...narrow }, runtimeConfig })).to.deep.equal([
      '12.0.0.1-12.0.0.254',
      'fd00::1-fd00::ff',
      '10.1.2.9-10.1.2.20',
      '11.1.2.1-11.1.2.254,13.0.0.1-13.0.0.2',
    ]);
  });

  it('may spell its keys in any case and leave values empty', () => {
    const ipam = { Ranges: [[{ Subnet: '10.1.2.0/24', rangestart: '', GATEWAY: '', rangeEnd: null }]], dataDir: '' };
    expect(setsOf({ IPAM: ipam })).to.deep.equal(['10.1.2.1-10.1.2.254']);
  });

  it('has routes with all fields of version 1.1.0', () => {
    const routes = [
      { dst: '0.0.0.0/0' },
      { dst: '192.168.0.0/16', gw: '10.1.2.7', mtu: 1400, advmss: 1360, priority: 5, table: 100, scope: 253 },
      { dst: 'FD00:0::/8', gw: '' },
    ];
    expect(settings({ ipam: { ...narrow, routes } }).routes).to.deep.equal([routes[0], routes[1], { dst: 'fd00::/8' }]);
  });

  it('asks for the addresses of CNI_ARGS, args and runtimeConfig in that order, each once', () => {
    const config = {
      ipam: narrow,
      args: { cni: { ips: ['10.1.2.11', '11.11.11.11/24', '2001:DB8:1::11'], other: true } },
      runtimeConfig: { ips: ['10.1.2.10/24', '10.1.2.12'] },
    };
    expect(requestedOf(config, { args: 'IP=10.1.2.10' })).to.deep.equal([
      '10.1.2.10',
      '10.1.2.11',
      '11.11.11.11',
      '2001:db8:1::11',
      '10.1.2.12',
    ]);
  });

  it('takes no CNI_ARGS that it does not know, unless told to ignore them', () => {
    expect(fault(() => settings({ ipam: narrow }, { args: 'FOO=1' }))).to.deep.equal({
      code: 4,
      message: 'ARGS: unknown args ["FOO=1"]',
    });
    expect(requestedOf({ ipam: narrow }, { args: 'IgnoreUnknown=1;FOO=1;IP=10.1.2.10/24' })).to.deep.equal([
      '10.1.2.10',
    ]);
    expect(fault(() => settings({ ipam: narrow }, { args: 'IP=10.1.2' })).code).to.equal(4);
  });

  it('has one range set of a family before version 0.3.0', () => {
    const two = { ipam: { ranges: [[narrow], [wide]] } };
    expect(fault(() => settings(two, { cniVersion: '0.2.0' }))).to.deep.equal({
      code: 7,
      message: 'CNI version 0.2.0 does not support more than 1 address per family',
    });
    const dual = { ipam: { ranges: [[narrow], [{ subnet: 'fd00::/64' }]] } };
    expect(settings(dual, { cniVersion: '0.2.0' }).sets).to.have.length(2);
  });

  const faults: [string, Record<string, unknown>, string][] = [
    ['no ipam', {}, "IPAM config missing 'ipam' key"],
    ['no ranges', { ipam: {} }, 'no IP ranges specified'],
    [
      'overlapping sets',
      { ipam: { ranges: [[narrow], [{ subnet: '10.1.2.0/24', rangeStart: '10.1.2.15' }]] } },
      'range set 0 overlaps with 1',
    ],
    [
      'a subnet that is none',
      { ipam: { subnet: '10.1.2.0' } },
      'invalid configuration: "ipam.subnet": expected a subnet, such as 10.1.2.0/24, found "10.1.2.0" (string)',
    ],
    [
      'a range without subnet',
      { ipam: { ranges: [[{}]] } },
      'invalid configuration: "ipam.ranges[0][0].subnet" is missing',
    ],
    [
      'a gateway that is no address',
      { ipam: { ...wide, gateway: '11.1.2' } },
      'invalid configuration: "ipam.gateway": expected an IP address, found "11.1.2" (string)',
    ],
    [
      'a route without destination',
      { ipam: { ...wide, routes: [{ gw: '11.1.2.1' }] } },
      'invalid configuration: "ipam.routes[0].dst" is missing',
    ],
    [
      'a requested address that is none',
      { ipam: wide, runtimeConfig: { ips: ['x'] } },
      'invalid configuration: "runtimeConfig.ips[0]": expected an IP address, found "x" (string)',
    ],
  ];
  for (const [what, config, message] of faults) {
    it(`is refused with ${what}`, () => {
      expect(fault(() => settings(config))).to.deep.equal({ code: 7, message });
    });
  }

  it('tells where leases are even when the rest of it is broken', () => {
    const of = (ipam: unknown) => dataDirOf({ config: { ipam } });
    expect([of({ DataDir: '/x', subnet: 7 }), of({}), of(undefined), of({ dataDir: '' })]).to.deep.equal([
      '/x',
      '/var/lib/cni/networks',
      '/var/lib/cni/networks',
      '/var/lib/cni/networks',
    ]);
    expect([of([]), of('x'), of({ dataDir: 7 })]).to.deep.equal([undefined, undefined, undefined]);
  });
});
