import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { raw } from '../cni/support';
import { answerTo, type Question } from './static-support';

/** 1.1.1: it answers from its configuration and opens no namespace. */
const reference = '/usr/lib/cni/static';

function theirs(command: string, { config, args = '' }: Question): string {
  const { env, stdin } = raw({ CNI_COMMAND: command, CNI_ARGS: args }, config);
  return spawnSync(reference, { env, input: stdin, encoding: 'utf8' }).stdout;
}

/**
 * What both are to say alike. Of an error the text: codes are the specification's here, 999 there. Of a 1.0.0 result what
 * it says: 1.1.1 does not sort its keys as later releases do, and prints empty `dns`.
 */
function comparable(stdout: string): unknown {
  const json = stdout === '' ? undefined : JSON.parse(stdout);
  if (json?.code !== undefined) return { msg: json.msg };
  if (json?.cniVersion !== '1.0.0') return stdout;
  const { dns = {}, ...rest } = json;
  return Object.keys(dns).length > 0 ? json : rest;
}

const v4 = { address: '10.1.2.3/24', gateway: '10.1.2.1' };
const v6 = { address: 'FD00:0::3/64', gateway: 'fd00:0::1' };
const routes = [{ dst: '0.0.0.0/0' }, { dst: '10.9.8.7/16', gw: '10.1.2.9' }, { dst: '::/0', gw: '' }];
const dns = { nameservers: ['10.1.2.1'], domain: 'd', search: ['a', 'b'], options: ['ndots:5'] };
const cni = (...ips: unknown[]) => ({ args: { cni: { ips } } });
const runtime = (...ips: unknown[]) => ({ runtimeConfig: { ips } });
const ipam = (addresses: unknown, more: object = {}) => ({ ipam: { type: 'static', addresses, ...more } });

const additions: Record<string, Question> = {
  'one address': { config: ipam([v4]) },
  'both families, routes and dns': { config: ipam([v4, v6], { routes, dns }) },
  'keys in other cases': {
    config: { IPAM: { Type: 'static', Addresses: [{ address: '10.1.2.3/24', Gateway: '10.1.2.1' }], ROUTES: routes } },
  },
  'two addresses of a family': { config: ipam([v4, { address: '10.1.2.4/24' }]) },
  'an IPv4-mapped address': { config: ipam([{ address: '::ffff:10.1.2.3/120', gateway: '::ffff:10.1.2.1' }]) },
  'a gateway outside of the network': { config: ipam([{ address: '10.1.2.3/24', gateway: '192.0.2.1' }]) },
  'an empty gateway': { config: ipam([{ address: '10.1.2.3/24', gateway: '' }]) },
  'odd addresses': { config: ipam([{ address: '0.0.0.0/0' }]) },
  'no addresses': { config: ipam([]) },
  'routes alone': { config: ipam(undefined, { routes }) },
  'an ipam without anything': { config: { ipam: {} } },
  'no ipam': { config: {} },
  'an ipam that is null': { config: { ipam: null } },
  'an address without prefix length': { config: ipam([{ address: '10.1.2.3' }]) },
  'no address': { config: ipam([{}]) },
  'IP of CNI_ARGS': { config: ipam([v6]), args: 'IP=10.1.2.4/24' },
  'IP and GATEWAY of CNI_ARGS': { config: ipam([]), args: 'IP= 10.1.2.4/24 ,fd00::4/64;GATEWAY=fd00::1, 10.1.2.1' },
  'GATEWAY alone': { config: ipam([{ address: '10.1.2.3/24' }]), args: 'GATEWAY=10.1.2.1' },
  'two GATEWAYs for one address': { config: ipam([]), args: 'IP=10.1.2.4/24;GATEWAY=10.1.2.1,10.1.2.2' },
  'a GATEWAY of no address': { config: ipam([]), args: 'IP=10.1.2.4/24;GATEWAY=192.0.2.1' },
  'empty arguments': { config: ipam([v4]), args: 'IP=;GATEWAY=' },
  'a bad IP': { config: ipam([v4]), args: 'IP=10.1.2.4' },
  'a bad IP and a bad GATEWAY': { config: ipam([v4]), args: 'GATEWAY=y;IP=x' },
  'an IP list that ends in a comma': { config: ipam([v4]), args: 'IP=10.1.2.4/24,' },
  'a bad GATEWAY': { config: ipam([v4]), args: 'GATEWAY=10.1.2.1, x' },
  'an unknown argument': { config: ipam([v4]), args: 'FOO=1' },
  'an unknown argument that is to be ignored': { config: ipam([]), args: 'FOO=1;IgnoreUnknown=true;IP=10.1.2.4/24' },
  'ips of args': { config: { ...ipam([v4, v6]), ...cni('10.7.0.2/16') }, args: 'IP=10.6.0.2/16' },
  'ips of runtimeConfig': { config: { ...ipam([v4, v6]), ...cni('10.7.0.2/16'), ...runtime('fd00::8/64') } },
  'empty ips': { config: { ...ipam([v4]), ...cni(), ...runtime() } },
  'bad ips of args': { config: { ...ipam([v4]), ...cni('10.7.0.2'), ...runtime('10.8.0.2/16') } },
  'bad ips of runtimeConfig': { config: { ...ipam([v4]), ...runtime('10.8.0.2/16', 'x') } },
  'bad ips and a bad IP': { config: { ...ipam([v4]), ...runtime('x') }, args: 'IP=y' },
  'a bad address that does not count': { config: { ...ipam([{ address: 'x' }]), ...runtime('10.8.0.2/16') } },
};

describe('static beside the reference', () => {
  before(`needs ${reference} (Debian: containernetworking-plugins)`, function () {
    if (!existsSync(reference)) this.skip();
  });

  for (const cniVersion of ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0']) {
    it(`answers ADD alike in ${cniVersion}`, async () => {
      for (const [what, { config, args = '' }] of Object.entries(additions)) {
        const question = { config: { ...config, cniVersion }, args };
        const { stdout } = await answerTo('ADD', question);
        expect(comparable(stdout), what).to.deep.equal(comparable(theirs('ADD', question)));
      }
    });
  }

  const checks: Record<string, { address: string; gateway?: string }[]> = {
    'the same': [v4, v6],
    'another gateway': [{ ...v4, gateway: '10.1.2.2' }, v6],
    'no gateway': [{ address: v4.address }, v6],
    "another plugin's address as well": [{ address: '192.0.2.1/24' }, v4, v6],
  };
  for (const [what, addresses] of Object.entries(checks)) {
    it(`answers CHECK alike when prevResult has ${what}`, async () => {
      const ips = addresses.map((ip) => ({ version: ip.address.includes(':') ? '6' : '4', ...ip }));
      for (const cniVersion of ['0.4.0', '1.0.0']) {
        const question = { config: { ...ipam([v4, v6]), cniVersion, prevResult: { cniVersion, ips } } };
        const { stdout } = await answerTo('CHECK', question);
        expect(comparable(stdout)).to.deep.equal(comparable(theirs('CHECK', question)));
      }
    });
  }

  it('answers CHECK alike without prevResult, and DEL whatever the configuration', async () => {
    for (const [command, config] of [
      ['CHECK', ipam([v4])],
      ['DEL', ipam([v4])],
      ['DEL', {}],
    ] as const) {
      const question = { config: { ...config, cniVersion: '1.0.0' } };
      const { stdout } = await answerTo(command, question);
      expect(comparable(stdout)).to.deep.equal(comparable(theirs(command, question)));
    }
  });
});
