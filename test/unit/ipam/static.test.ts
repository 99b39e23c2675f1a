import { expect } from 'chai';
import { errorOf } from '../cni/support';
import { answerTo, ask } from './static-support';

/** A configuration with these addresses, and `more` beside its ipam. */
const network = (addresses: unknown, more: Record<string, unknown> = {}) => ({
  ipam: { type: 'static', addresses },
  ...more,
});
const one = network([{ address: '10.1.2.3/24', gateway: '10.1.2.1' }]);
const ips = async (config: Record<string, unknown>, args = '') => (await ask.add({ config, args })).ips;

describe('static', () => {
  describe('ADD', () => {
    it('gives addresses with their gateways, routes with all of their fields, and names', async () => {
      const routes = [
        { dst: '0.0.0.0/0' },
        { dst: '10.9.0.0/16', gw: '10.1.2.9', mtu: 1400, advmss: 1300, priority: 5, table: 100, scope: 253 },
      ];
      const dns = { nameservers: ['10.1.2.1'], domain: 'd.example', search: ['a', 'b'], options: ['ndots:5'] };
      const addresses = [{ address: '10.1.2.3/24', gateway: '10.1.2.1' }, { address: 'fd00::3/64' }];
      expect(await ask.add({ config: { ipam: { addresses, routes, dns } } })).to.deep.equal({
        ips: addresses,
        routes,
        dns,
      });
    });

    it('takes its keys in any case', async () => {
      const ipam = {
        ADDRESSES: [{ Address: '10.1.2.3/24', GateWay: '10.1.2.1' }],
        Routes: [{ DST: '::/0', Gw: 'fd00::1' }],
        DNS: { NameServers: ['192.0.2.53'] },
      };
      expect(await ask.add({ config: { IPAM: ipam } })).to.deep.equal({
        ips: [{ address: '10.1.2.3/24', gateway: '10.1.2.1' }],
        routes: [{ dst: '::/0', gw: 'fd00::1' }],
        dns: { nameservers: ['192.0.2.53'] },
      });
      expect(await ips(network([], { ARGS: { Cni: { IPS: ['10.7.0.2/16'] } } }))).to.deep.equal([
        { address: '10.7.0.2/16' },
      ]);
      expect(await ips(network([], { RuntimeConfig: { Ips: ['10.8.0.2/16'] } }))).to.deep.equal([
        { address: '10.8.0.2/16' },
      ]);
    });

    it('writes addresses in canonical text', async () => {
      const config = network([
        { address: 'FD00:0:0:0::03/64', gateway: 'fd00::0001' },
        { address: '::ffff:10.1.2.3/120', gateway: '::ffff:10.1.2.1' },
      ]);
      expect(await ips(config)).to.deep.equal([
        { address: 'fd00::3/64', gateway: 'fd00::1' },
        { address: '10.1.2.3/24', gateway: '10.1.2.1' },
      ]);
    });

    it('answers without addresses where none is given: what asked for them says that it needs one', async () => {
      for (const ipam of [{}, { addresses: [] }, { addresses: null, routes: [], dns: {} }]) {
        expect(await ask.add({ config: { ipam } }), JSON.stringify(ipam)).to.deep.equal({});
      }
    });
  });

  describe('takes addresses', () => {
    const args = 'IP=10.6.0.2/16';
    const cni = { args: { cni: { ips: ['10.7.0.2/16'] } } };
    const runtimeConfig = { runtimeConfig: { ips: ['10.8.0.2/16', 'fd00::8/64'] } };
    const addressOf = async (config: Record<string, unknown>, text?: string) =>
      (await ips(config, text))?.map(({ address }) => address);

    it('of CNI_ARGS beside those of the network', async () => {
      expect(await addressOf(one, args)).to.deep.equal(['10.1.2.3/24', '10.6.0.2/16']);
    });

    it('of args in place of those, and of runtimeConfig in place of all', async () => {
      expect(await addressOf({ ...one, ...cni }, args)).to.deep.equal(['10.7.0.2/16']);
      expect(await addressOf({ ...one, ...cni, ...runtimeConfig }, args)).to.deep.equal(['10.8.0.2/16', 'fd00::8/64']);
      expect(await addressOf({ ...one, ...runtimeConfig })).to.deep.equal(['10.8.0.2/16', 'fd00::8/64']);
    });

    it('of the next source where a stronger one has an empty list', async () => {
      const empty = { args: { cni: { ips: [] } }, runtimeConfig: { ips: [] } };
      expect(await addressOf({ ...one, ...empty })).to.deep.equal(['10.1.2.3/24']);
      expect(await addressOf({ ...one, ...cni, runtimeConfig: { ips: [] } })).to.deep.equal(['10.7.0.2/16']);
    });

    it('of lists in CNI_ARGS, each with the last gateway in its network', async () => {
      const text = 'IP=10.1.2.4/24, fd00::4/64 ,10.9.0.4/16;GATEWAY=10.1.2.1, fd00::1,10.1.2.2,192.0.2.1';
      expect(await ips(network([]), text)).to.deep.equal([
        { address: '10.1.2.4/24', gateway: '10.1.2.2' },
        { address: 'fd00::4/64', gateway: 'fd00::1' },
        { address: '10.9.0.4/16' },
      ]);
    });

    it("and no gateway of CNI_ARGS for the network's own addresses", async () => {
      expect(await ips(network([{ address: '10.1.2.3/24' }]), 'GATEWAY=10.1.2.1')).to.deep.equal([
        { address: '10.1.2.3/24' },
      ]);
    });
  });

  describe('refuses', () => {
    const cidr = "the 'address' field is expected to be in CIDR notation, got:";
    const entry = "an entry in the 'ips' field is NOT in CIDR notation, got:";
    const faults: [string, Record<string, unknown>, string, number, string][] = [
      ['no ipam', {}, '', 7, "IPAM config missing 'ipam' key"],
      ['an address without prefix length', network([{ address: '10.1.2.3' }]), '', 7, `${cidr} '10.1.2.3'`],
      ['no address in an entry', network([{ gateway: '10.1.2.1' }]), '', 7, `${cidr} ''`],
      ['a bad entry of args', { ...one, args: { cni: { ips: ['10.7.0.2'] } } }, '', 7, `${entry} '10.7.0.2'`],
      ['a bad entry of runtimeConfig', { ...one, runtimeConfig: { ips: ['x'] } }, '', 7, `${entry} 'x'`],
      [
        'a bad entry of args that runtimeConfig would replace',
        { ...one, args: { cni: { ips: ['x'] } }, runtimeConfig: { ips: ['10.8.0.2/16'] } },
        '',
        7,
        `${entry} 'x'`,
      ],
      ['a bad IP', one, 'IP=10.1.2.4', 4, "the 'ip' field is expected to be in CIDR notation, got: '10.1.2.4'"],
      ['an empty item of IP', one, 'IP=10.1.2.4/24,', 4, "the 'ip' field is expected to be in CIDR notation, got: ''"],
      ['a bad GATEWAY', one, 'GATEWAY= x ', 4, 'invalid gateway address:  x '],
      ['an unknown argument', one, 'ip=10.1.2.4/24', 4, 'ARGS: unknown args ["ip=10.1.2.4/24"]'],
      [
        'an address given twice',
        network([{ address: 'fd00::3/64' }, { address: 'fd00:0::3/64', gateway: 'fd00::1' }]),
        '',
        7,
        'the address fd00::3/64 is given more than once',
      ],
      [
        'an address that CNI_ARGS gives again',
        one,
        'IP=10.1.2.3/24',
        7,
        'the address 10.1.2.3/24 is given more than once',
      ],
      [
        'a bad gateway',
        network([{ address: '10.1.2.3/24', gateway: 'x' }]),
        '',
        7,
        'invalid configuration: "ipam.addresses[0].gateway": expected an IP address, found "x" (string)',
      ],
      [
        'addresses that are no list',
        network('10.1.2.3/24'),
        '',
        7,
        'invalid configuration: "ipam.addresses": expected a list, found "10.1.2.3/24" (string)',
      ],
      [
        'a bad route',
        { ipam: { routes: [{ dst: 'default' }] } },
        '',
        7,
        'invalid configuration: "ipam.routes[0].dst": expected an IP address with a prefix length, such as 10.1.2.3/24, found "default" (string)',
      ],
    ];
    for (const [what, config, args, code, msg] of faults) {
      it(what, async () => {
        expect(await errorOf(() => ask.add({ config, args }))).to.deep.include({ code, msg });
      });
    }

    it('nothing that is wrong with addresses which do not count', async () => {
      const config = network([{ address: 'x' }], { runtimeConfig: { ips: ['10.8.0.2/16'] } });
      expect(await ips(config)).to.deep.equal([{ address: '10.8.0.2/16' }]);
    });

    it('unknown arguments only where they are not to be ignored', async () => {
      expect(await ips(network([]), 'IgnoreUnknown=1;K8S_POD_NAME=p;IP=10.6.0.2/16')).to.deep.equal([
        { address: '10.6.0.2/16' },
      ]);
    });
  });

  describe('CHECK', () => {
    const failed = 'static: Failed to match addr 10.1.2.3 on interface eth0';
    const check = (prevResult: object, config: object = one, args = '') =>
      ask.check({ config: { ...config, prevResult }, args });
    const same = { address: '10.1.2.3/24', gateway: '10.1.2.1' };

    it('passes when prevResult has the addresses, those of other plugins beside them', async () => {
      await check({ ips: [{ address: '192.0.2.7/24' }, same] });
      await check({ ips: [same] }, network([{ address: '10.1.2.3/24' }]));
      await check({}, network([]));
    });

    for (const [what, prevIps, details] of [
      ['another address', [{ address: '10.1.2.4/24' }], 'prevResult has no 10.1.2.3/24'],
      ['another prefix length', [{ ...same, address: '10.1.2.3/16' }], 'prevResult has no 10.1.2.3/24'],
      ['no addresses', undefined, 'prevResult has no 10.1.2.3/24'],
      [
        'another gateway',
        [{ ...same, gateway: '10.1.2.2' }],
        'its gateway in prevResult is 10.1.2.2, expected 10.1.2.1',
      ],
      ['no gateway', [{ address: '10.1.2.3/24' }], 'its gateway in prevResult is missing, expected 10.1.2.1'],
    ] as const) {
      it(`fails when prevResult has ${what}`, async () => {
        const error = await errorOf(() => check({ ips: prevIps }));
        expect(error).to.deep.equal({ code: 101, msg: failed, details });
      });
    }

    it('looks for what the runtime asked for', async () => {
      const prevResult = { ips: [{ address: '10.8.0.2/16' }] };
      await check(prevResult, { ...one, runtimeConfig: { ips: ['10.8.0.2/16'] } });
      const { msg } = await errorOf(() => check(prevResult, network([]), 'IP=10.8.0.3/16'));
      expect(msg).to.equal('static: Failed to match addr 10.8.0.3 on interface eth0');
    });

    it('needs a prevResult', async () => {
      const error = await errorOf(() => ask.check({ config: one }));
      expect(error).to.deep.equal({ code: 7, msg: 'Required prevResult missing', details: '' });
    });
  });

  it('gives STATUS as good where an ADD could succeed', async () => {
    await ask.status({ config: one });
    await ask.status({ config: network([]) });
    expect(await errorOf(() => ask.status({ config: {} }))).to.include({
      code: 7,
      msg: "IPAM config missing 'ipam' key",
    });
    expect(await errorOf(() => ask.status({ config: network([{ address: 'x' }]) }))).to.include({ code: 7 });
  });

  it('has nothing to do for DEL and GC, and says what is wrong with a DEL as a warning', async () => {
    expect(await answerTo('DEL', { config: one })).to.deep.equal({ stdout: '', warnings: [] });
    expect(await answerTo('DEL', { config: {}, args: 'FOO=1' })).to.deep.equal({ stdout: '', warnings: [] });
    const broken = await answerTo('DEL', { config: network(7) });
    expect(broken.stdout).to.equal('');
    expect(broken.warnings.join('\n')).to.include('"ipam.addresses": expected a list');
    expect((await answerTo('GC', { config: { ...one, 'cni.dev/valid-attachments': [] } })).stdout).to.equal('');
  });
});
