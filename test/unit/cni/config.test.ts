import { expect } from 'chai';
import fc from 'fast-check';
import * as v from 'valibot';
import {
  cidr,
  foldKeys,
  int,
  ipAddress,
  list,
  mac,
  netConfEntries,
  parseConfig,
  unknownKeys,
} from '../../../lib/cni/config';
import { pathText } from '../../../lib/cni/fold';
import { errorOf } from './support';

const schema = v.object({
  ...netConfEntries,
  mtu: v.optional(int({ min: 0 }), 0),
  isGateway: v.optional(v.boolean(), false),
  mode: v.exactOptional(v.picklist(['bridge', 'vepa'])),
  vlan: v.exactOptional(int({ min: 0, max: 4094 })),
  address: v.exactOptional(cidr),
  gateway: v.exactOptional(ipAddress),
  mac: v.exactOptional(mac),
  ranges: v.exactOptional(v.array(v.array(v.object({ subnet: cidr, rangeStart: v.exactOptional(ipAddress) })))),
  sysctl: v.exactOptional(v.record(v.string(), v.string())),
  runtimeConfig: v.exactOptional(v.object({ portMappings: v.exactOptional(v.array(v.object({ hostPort: int() }))) })),
  master: v.exactOptional(v.union([v.string(), v.object({ linkName: v.string() })])),
});

const parsed = (raw: Record<string, unknown>) => parseConfig(schema, raw);

describe('a configuration', () => {
  it('has the defaults of its schema', () => {
    expect(parsed({})).to.deep.equal({ mtu: 0, isGateway: false });
  });

  it('is matched without regard to case at every level, as containerd needs it', () => {
    const raw = {
      MTU: 9000,
      RuntimeConfig: { PortMappings: [{ HostPort: 80 }] },
      Ranges: [[{ Subnet: '10.1.0.0/16' }]],
    };
    expect(parsed(raw)).to.deep.include({
      mtu: 9000,
      runtimeConfig: { portMappings: [{ hostPort: 80 }] },
      ranges: [[{ subnet: '10.1.0.0/16' }]],
    });
    expect(parsed({ master: { LINKNAME: 'eth0' } }).master).to.deep.equal({ linkName: 'eth0' });
  });

  it('takes the last of several spellings', () => {
    expect(parsed({ mtu: 1, MTU: 2, Mtu: 3 }).mtu).to.equal(3);
  });

  it('keeps the names in a map as they are', () => {
    expect(parsed({ sysctl: { 'net.ipv4.conf.ETH0.x': '1' } }).sysctl).to.deep.equal({ 'net.ipv4.conf.ETH0.x': '1' });
  });

  it('takes null for absent', () => {
    expect(parsed({ mtu: null, isGateway: null, ipam: null, ranges: null })).to.deep.equal({
      mtu: 0,
      isGateway: false,
    });
  });

  it('takes a null that comes last for absent', () => {
    expect(parsed({ mtu: 1500, MTU: null }).mtu).to.equal(0);
  });

  it('may have keys that nobody knows', () => {
    expect(parsed({ foo: 1, 'io.kubernetes.cri.pod-annotations': {} })).to.deep.equal({ mtu: 0, isGateway: false });
  });

  it('has addresses, prefixes and MACs in canonical text', () => {
    expect(parsed({ address: 'FD00:0::5/64', gateway: '::ffff:10.1.2.1', mac: '02-42-AC-11-00-02' })).to.include({
      address: 'fd00::5/64',
      gateway: '10.1.2.1',
      mac: '02:42:ac:11:00:02',
    });
  });

  for (const [raw, fault] of [
    [{ mtu: '1500' }, '"mtu": expected a whole number of at least 0, found "1500" (string)'],
    [{ MTU: 1.5 }, '"mtu": expected a whole number of at least 0, found 1.5'],
    [{ mtu: 2 ** 60 }, `"mtu": expected a whole number of at least 0, found ${2 ** 60}`],
    [{ vlan: 4095 }, '"vlan": expected a whole number from 0 to 4094, found 4095'],
    [{ isGateway: 'true' }, '"isGateway": expected true or false, found "true" (string)'],
    [{ isGateway: 1 }, '"isGateway": expected true or false, found 1'],
    [{ mode: 'x' }, '"mode": expected "bridge" or "vepa", found "x" (string)'],
    [
      { address: '10.1.2.3' },
      '"address": expected an IP address with a prefix length, such as 10.1.2.3/24, found "10.1.2.3" (string)',
    ],
    [{ gateway: 7 }, '"gateway": expected an IP address, found 7'],
    [{ mac: '02:42' }, '"mac": expected a MAC address, found "02:42" (string)'],
    [{ ranges: [[{}]] }, '"ranges[0][0].subnet" is missing'],
    [{ ranges: [{}] }, '"ranges[0]": expected a list, found an object'],
    [
      { Ranges: [[{ Subnet: '10.0.0.0/8', RangeStart: 'x' }]] },
      '"ranges[0][0].rangeStart": expected an IP address, found "x" (string)',
    ],
    [{ ipam: [] }, '"ipam": expected an object, found a list'],
    [{ ipam: { type: 5 } }, '"ipam.type": expected a string, found 5'],
    [{ dns: { nameservers: 'x' } }, '"dns.nameservers": expected a list, found "x" (string)'],
    [{ dns: { search: [null] } }, '"dns.search[0]": expected a string, found null'],
    [{ sysctl: { a: 1 } }, '"sysctl.a": expected a string, found 1'],
    [{ master: 5 }, '"master": expected a string or an object, found 5'],
    [{ master: { linkName: 5 } }, '"master.linkName": expected a string, found 5'],
  ] as const) {
    it(`with ${JSON.stringify(raw)} says what is wrong`, async () => {
      const expected = { code: 7, msg: `invalid configuration: ${fault}`, details: '' };
      expect(await errorOf(() => parsed(raw))).to.deep.equal(expected);
    });
  }

  it('shows no more than the beginning of a long value', async () => {
    const { msg } = await errorOf(() => parsed({ mac: 'x'.repeat(5000) }));
    expect(msg.length).to.be.below(300);
  });

  it('is refused in the words of its own schema when they are a sentence', async () => {
    const rule = v.pipe(
      v.object({ promisc: v.boolean() }),
      v.check(({ promisc }) => !promisc, 'cannot set hairpin mode and promiscuous mode at the same time'),
    );
    const { msg } = await errorOf(() => parseConfig(rule, { promisc: true }));
    expect(msg).to.equal('cannot set hairpin mode and promiscuous mode at the same time');
  });

  it('of any shape is either taken or refused with code 7', () => {
    const keys = fc.constantFrom(...Object.keys(schema.entries), 'IPAM', 'Ranges', '__proto__', 'constructor');
    fc.assert(
      fc.property(fc.dictionary(keys, fc.jsonValue({ maxDepth: 4 })), (raw) => {
        try {
          parsed(raw);
        } catch (error) {
          expect(error).to.include({ name: 'CniError', code: 7 });
        }
      }),
    );
  });
});

describe('foldKeys', () => {
  it('folds the option of a union that is for lists, and the one that is for objects', () => {
    const either = v.union([v.object({ ip: v.string() }), v.array(v.object({ ip: v.string() }))]);
    expect(foldKeys(either, [{ IP: 'a' }])).to.deep.equal([{ ip: 'a' }]);
    expect(foldKeys(either, { IP: 'a' })).to.deep.equal({ ip: 'a' });
  });

  it('keeps unknown keys as they are, "__proto__" among them', () => {
    const folded = foldKeys(schema, JSON.parse('{"__proto__":{"mtu":1},"Foo":null,"fOO":2,"NAME":"n"}'));
    expect(JSON.stringify(folded)).to.equal('{"__proto__":{"mtu":1},"fOO":2,"name":"n"}');
    expect(parsed(JSON.parse('{"__proto__":{"mtu":1}}')).mtu).to.equal(0);
  });

  it('leaves what should be an object and is none to the schema', () => {
    expect(foldKeys(schema, 5)).to.equal(5);
  });
});

describe('unknownKeys', () => {
  const pathsOf = (raw: unknown) => unknownKeys(schema, raw).map(({ path }) => pathText(path));

  it('names the keys that the schema does not know by their path', () => {
    const raw = {
      Name: 'n',
      constructor: 1,
      mtuu: 1,
      dns: { Search: [], serach: [] },
      ranges: [[{ subnet: 'x', subnetz: 1 }]],
    };
    expect(pathsOf(raw)).to.deep.equal(['constructor', 'mtuu', 'dns.serach', 'ranges[0][0].subnetz']);
  });

  it("says nothing of what is free: an IPAM plugin's own keys, args, prevResult", () => {
    expect(pathsOf({ ipam: { foo: 1 }, args: { cni: { x: 1 } }, prevResult: { y: 1 } })).to.deep.equal([]);
  });

  it('tells which keys there are instead', () => {
    const [unknown] = unknownKeys(schema, { dns: { serach: [] } });
    expect(unknown?.known).to.deep.equal(['nameservers', 'domain', 'search', 'options']);
  });

  it('of a union names what no option knows', () => {
    expect(pathsOf({ master: { linkName: 'a', other: 1 } })).to.deep.equal(['master.other']);
  });

  it('has lists of 1,024 elements at most, where the schema says so', async () => {
    const routes = v.object({ routes: list(v.object({ dst: cidr })) });
    const many = (length: number) => ({ routes: Array.from({ length }, () => ({ dst: '10.0.0.0/8' })) });
    expect(parseConfig(routes, many(1024)).routes).to.have.length(1024);
    expect(await errorOf(() => parseConfig(routes, many(1025)))).to.include({
      code: 7,
      msg: 'invalid configuration: "routes": expected at most 1024 elements, found a list',
    });
  });

  it('that is beyond all bounds is told so', async () => {
    expect((await errorOf(() => parsed(JSON.parse('{"mtu":1e999}')))).msg).to.match(/found Infinity$/);
    expect((await errorOf(() => parsed(JSON.parse('{"mtu":1e30}')))).msg).to.match(/found 1e\+30$/);
  });
});
