import { expect } from 'chai';
import { assertExpressible, parseResult, printResult, toVersion } from '../../../lib/cni/convert';
import type { Result } from '../../../lib/cni/result';
import { supportedVersions } from '../../../lib/cni/versions';
import { errorOf } from './support';

const first = ['0.1.0', '0.2.0'];
const middle = ['0.3.0', '0.3.1', '0.4.0'];
const late = ['1.0.0', '1.1.0'];

const layer2: Result = {
  interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', mtu: 1400, sandbox: '/run/netns/a', pciID: '1' }],
};
const oneIp: Result = { ...layer2, ips: [{ address: '10.1.2.3/24', gateway: '10.1.2.1', interface: 0 }] };
const dualStack: Result = {
  ips: [{ address: '10.1.2.3/24' }, { address: 'fd00::3/64', gateway: 'fd00::1' }],
  routes: [
    { dst: '0.0.0.0/0', gw: '10.1.2.1', mtu: 1400, table: 0 },
    { dst: '::/0', priority: 5 },
  ],
  dns: { nameservers: ['10.1.2.1'], domain: 'pod', search: ['a', 'b'], options: ['ndots:5'] },
};
const twoOfAFamily: Result = { ips: [{ address: '10.1.2.3/24' }, { address: '10.1.2.4/24' }] };

/** The exact text, without the white space. */
const text = (result: Result, version: string) => JSON.stringify(toVersion(result, version));

describe('a result', () => {
  it('is printed with four spaces, and no newline at the end', () => {
    expect(printResult({}, '0.4.0')).to.equal('{\n    "cniVersion": "0.4.0",\n    "dns": {}\n}');
  });

  for (const version of first) {
    describe(`in ${version}`, () => {
      it('needs an address', async () => {
        const expected = { code: 7, msg: 'cannot convert: no valid IP addresses', details: '' };
        expect(await errorOf(() => toVersion(layer2, version))).to.deep.equal(expected);
        expect(await errorOf(() => assertExpressible({ ips: [] }, version))).to.deep.equal(expected);
      });

      it('has room for one address of each family', async () => {
        const msg = `CNI version ${version} does not support more than 1 address per family`;
        expect(await errorOf(() => printResult(twoOfAFamily, version))).to.include({ code: 7, msg });
        const sixes = { ips: [{ address: 'fd00::1/64' }, { address: 'fd00::2/64' }] };
        expect((await errorOf(() => assertExpressible(sixes, version))).msg).to.equal(msg);
        expect(() => assertExpressible(dualStack, version)).not.to.throw();
      });

      it('has no interfaces, and an empty dns', () => {
        expect(text(oneIp, version)).to.equal(
          `{"cniVersion":"${version}","ip4":{"ip":"10.1.2.3/24","gateway":"10.1.2.1"},"dns":{}}`,
        );
      });

      it('has the routes with the address of their family', () => {
        expect(text(dualStack, version)).to.equal(
          `{"cniVersion":"${version}","ip4":{"ip":"10.1.2.3/24","routes":[{"dst":"0.0.0.0/0","gw":"10.1.2.1"}]},` +
            '"ip6":{"ip":"fd00::3/64","gateway":"fd00::1","routes":[{"dst":"::/0"}]},' +
            '"dns":{"nameservers":["10.1.2.1"],"domain":"pod","search":["a","b"],"options":["ndots:5"]}}',
        );
      });

      it('loses the routes of a family without address', () => {
        const routes = [{ dst: '::/0' }];
        expect(text({ ips: [{ address: '10.1.2.3/24' }], routes }, version)).not.to.contain('routes');
      });
    });
  }

  for (const version of middle) {
    describe(`in ${version}`, () => {
      it('has interfaces without their newer keys, and an empty dns', () => {
        expect(text(layer2, version)).to.equal(
          `{"cniVersion":"${version}","interfaces":[{"name":"eth0","mac":"02:00:00:00:00:01","sandbox":"/run/netns/a"}],"dns":{}}`,
        );
      });

      it('has the version of each address', () => {
        expect(toVersion(oneIp, version)).to.have.deep.property('ips', [
          { version: '4', interface: 0, address: '10.1.2.3/24', gateway: '10.1.2.1' },
        ]);
        expect(text(dualStack, version)).to.equal(
          `{"cniVersion":"${version}","ips":[{"version":"4","address":"10.1.2.3/24"},` +
            '{"version":"6","address":"fd00::3/64","gateway":"fd00::1"}],' +
            '"routes":[{"dst":"0.0.0.0/0","gw":"10.1.2.1","mtu":1400,"table":0},{"dst":"::/0","priority":5}],' +
            '"dns":{"nameservers":["10.1.2.1"],"domain":"pod","search":["a","b"],"options":["ndots:5"]}}',
        );
      });
    });
  }

  it('in 1.0.0 has no newer keys of interfaces, no version in ips and no empty dns', () => {
    expect(text(oneIp, '1.0.0')).to.equal(
      '{"cniVersion":"1.0.0","interfaces":[{"mac":"02:00:00:00:00:01","name":"eth0","sandbox":"/run/netns/a"}],' +
        '"ips":[{"address":"10.1.2.3/24","gateway":"10.1.2.1","interface":0}]}',
    );
    expect(toVersion(dualStack, '1.0.0')).to.have.deep.property('routes', dualStack.routes);
  });

  it('in 1.1.0 has everything, keys in alphabetical order as the reference prints them', () => {
    expect(text(layer2, '1.1.0')).to.equal(
      '{"cniVersion":"1.1.0","interfaces":[{"mac":"02:00:00:00:00:01","mtu":1400,"name":"eth0","pciID":"1","sandbox":"/run/netns/a"}]}',
    );
    expect(text(dualStack, '1.1.0')).to.equal(
      '{"cniVersion":"1.1.0","dns":{"domain":"pod","nameservers":["10.1.2.1"],"options":["ndots:5"],"search":["a","b"]},' +
        '"ips":[{"address":"10.1.2.3/24"},{"address":"fd00::3/64","gateway":"fd00::1"}],' +
        '"routes":[{"dst":"0.0.0.0/0","gw":"10.1.2.1","mtu":1400,"table":0},{"dst":"::/0","priority":5}]}',
    );
  });

  it('leaves out what says nothing', () => {
    const empty: Result = {
      interfaces: [{ name: '', mac: '', mtu: 0, sandbox: '' }],
      ips: [],
      routes: [{ dst: '::/0', gw: '', mtu: 0, advmss: 0, priority: 0, scope: 0 }],
      dns: { domain: '', nameservers: [] },
    };
    expect(text(empty, '1.1.0')).to.equal(
      '{"cniVersion":"1.1.0","interfaces":[{"name":""}],"routes":[{"dst":"::/0","scope":0}]}',
    );
  });

  for (const version of [...middle, ...late]) {
    it(`may have no address or two of a family in ${version}`, () => {
      expect(() => printResult(layer2, version)).not.to.throw();
      expect(toVersion(twoOfAFamily, version).ips).to.have.length(2);
    });
  }
});

describe('a result of another plugin', () => {
  it('survives being printed and read, as far as its version can say it', () => {
    for (const version of supportedVersions) {
      const plain = { ...dualStack, routes: [{ dst: '0.0.0.0/0', gw: '10.1.2.1' }, { dst: '::/0' }] };
      expect(parseResult(JSON.parse(printResult(plain, version)), 'none'), version).to.deep.equal(plain);
    }
    for (const result of [layer2, oneIp, dualStack, twoOfAFamily, {}]) {
      expect(parseResult(toVersion(result, '1.1.0'), 'none')).to.deep.equal(result);
    }
  });

  it("is of its configuration's version when it names none", () => {
    expect(parseResult({ ip4: { ip: '10.1.2.3/24' } }, '0.2.0').ips).to.have.length(1);
    expect(parseResult({ ip4: { ip: '10.1.2.3/24' } }, '0.3.0')).to.deep.equal({});
    expect(parseResult({ cniVersion: '', ips: [{ address: '10.1.2.3/24' }] }, '0.3.0').ips).to.have.length(1);
  });

  it('of a version that is not supported is refused', async () => {
    const error = await errorOf(() => parseResult({ cniVersion: '2.0.0' }, '1.1.0'));
    expect(error).to.include({ code: 1, msg: 'incompatible CNI versions' });
    expect(error.details).to.match(/^result is "2.0.0", /);
  });

  it('is read without regard to the case of keys, and null counts as absent', () => {
    const json = { CNIVersion: '0.4.0', IPs: [{ Address: 'FD00::3/64', Gateway: null }], Routes: null, DNS: null };
    expect(parseResult(json, '0.1.0')).to.deep.equal({ ips: [{ address: 'fd00::3/64' }] });
  });

  it('may have an empty gateway, which is none', () => {
    const json = { ips: [{ address: '10.1.2.3/24', gateway: '' }], routes: [{ dst: '::/0', gw: '' }] };
    expect(parseResult(json, '1.0.0')).to.deep.equal({ ips: [{ address: '10.1.2.3/24' }], routes: [{ dst: '::/0' }] });
  });

  it('may point at interfaces that it does not list: IPAM plugins do', () => {
    expect(parseResult({ ips: [{ address: '10.1.2.3/24', interface: -1 }] }, '0.3.0').ips).to.deep.equal([
      { address: '10.1.2.3/24' },
    ]);
  });

  for (const [json, fault] of [
    [[], ': expected an object, found a list'],
    [null, ': expected an object, found null'],
    [{ cniVersion: 1 }, ': "cniVersion": expected a string, found 1'],
    [{ ips: {} }, ': "ips": expected a list, found an object'],
    [{ ips: [{}] }, ': "ips[0].address" is missing'],
    [
      { ips: [{ address: '10.1.2.3/24', gateway: 'x' }] },
      ': "ips[0].gateway": expected an IP address, found "x" (string)',
    ],
    [
      { routes: [{ dst: '::/0', mtu: '5' }] },
      ': "routes[0].mtu": expected a whole number from 0 to 2147483647, found "5" (string)',
    ],
    [
      { cniVersion: '0.2.0', ip6: { ip: 'fd00::3/64', routes: [{ dst: '::/0', table: -1 }] } },
      ': "ip6.routes[0].table": expected a whole number from 0 to 4294967295, found -1',
    ],
    [
      { interfaces: [{ name: 'a' }], ips: [{ address: '10.1.2.3/24', interface: 1 }] },
      ': "ips[0].interface": expected an index into the 1 interfaces, found 1',
    ],
    [
      { interfaces: [{ name: 'a' }, { name: 'b' }], ips: [{ address: '10.1.2.3/24', interface: -1 }] },
      ': "ips[0].interface": expected an index into the 2 interfaces, found -1',
    ],
    [
      { cniVersion: '0.2.0', ip4: { ip: 'x' } },
      ': "ip4.ip": expected an IP address with a prefix length, such as 10.1.2.3/24, found "x" (string)',
    ],
  ] as const) {
    it(`is refused when it is ${JSON.stringify(json)}`, async () => {
      expect(await errorOf(() => parseResult(json, '1.1.0'))).to.include({ code: 6, msg: `invalid result${fault}` });
    });
  }
});
