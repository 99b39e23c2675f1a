import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { knownArgs } from '../../../lib/cni/args';
import { printResult } from '../../../lib/cni/convert';
import { errorReport } from '../../../lib/cni/errors';
import { parseRequest } from '../../../lib/cni/request';
import type { Result } from '../../../lib/cni/result';
import { parse, raw } from './support';

/** An IPAM plugin of the reference, 1.1.1: it answers from its configuration and opens no namespace. */
const reference = '/usr/lib/cni/static';

function ask(env: Record<string, string | undefined>, config: unknown): string {
  const request = raw(env, config);
  return spawnSync(reference, { env: request.env, input: request.stdin, encoding: 'utf8' }).stdout;
}

const results: Record<string, Result> = {
  'one address': { ips: [{ address: '10.1.2.3/24', gateway: '10.1.2.1' }] },
  'dual stack with routes and dns': {
    ips: [{ address: '10.1.2.3/24' }, { address: 'fd00::3/64', gateway: 'fd00::1' }],
    routes: [{ dst: '0.0.0.0/0', gw: '10.1.2.1' }, { dst: '::/0' }, { dst: '10.9.0.0/16' }],
    dns: { nameservers: ['10.1.2.1', 'fd00::1'], domain: 'pod', search: ['a', 'b'], options: ['ndots:5'] },
  },
  'two addresses of a family': { ips: [{ address: '10.1.2.3/24' }, { address: '10.1.2.4/24' }] },
};

const ipamOf = ({ ips, routes, dns }: Result) => ({ ipam: { type: 'static', addresses: ips, routes, dns } });

describe('beside the reference', () => {
  before(`needs ${reference} (Debian: containernetworking-plugins)`, function () {
    if (!existsSync(reference)) this.skip();
  });

  for (const [what, result] of Object.entries(results)) {
    for (const cniVersion of ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0']) {
      it(`a result with ${what} is the same text in ${cniVersion}`, () => {
        const theirs = ask({}, { cniVersion, ...ipamOf(result) });
        const ours = () => printResult(result, cniVersion);
        if (theirs.includes('"code"')) expect(ours).to.throw(JSON.parse(theirs).msg);
        else expect(ours()).to.equal(theirs);
      });
    }

    it(`a result with ${what} says the same in 1.0.0`, () => {
      const { dns, ...theirs } = JSON.parse(ask({}, { cniVersion: '1.0.0', ...ipamOf(result) }));
      const expected = Object.keys(dns).length > 0 ? { ...theirs, dns } : theirs;
      expect(JSON.parse(printResult(result, '1.0.0'))).to.deep.equal(expected);
    });
  }

  for (const [what, env, config] of [
    ['no container ID', { CNI_CONTAINERID: '' }, {}],
    ['neither namespace nor path', { CNI_NETNS: '', CNI_PATH: '' }, {}],
    ['nothing that DEL needs', { CNI_COMMAND: 'DEL', CNI_CONTAINERID: '', CNI_NETNS: '', CNI_IFNAME: '' }, {}],
    ['an unknown command', { CNI_COMMAND: 'FOO' }, {}],
    ['a bad container ID', { CNI_CONTAINERID: '-x' }, {}],
    ['a slash in the interface name', { CNI_IFNAME: 'a/b' }, {}],
    ['too long an interface name', { CNI_IFNAME: 'a'.repeat(16) }, {}],
    ['the interface name ..', { CNI_IFNAME: '..' }, {}],
    ['no network name', {}, { name: '' }],
    ['a bad network name', {}, { name: 'a/b' }],
    ['a version too old for CHECK', { CNI_COMMAND: 'CHECK' }, { cniVersion: '0.3.1' }],
    ['a version that nobody supports', {}, { cniVersion: '9.9.9' }],
    ['no JSON', {}, '{'],
  ] as const) {
    it(`${what} is the same error`, () => {
      const theirs = JSON.parse(
        ask({ ...env }, typeof config === 'string' ? config : { cniVersion: '1.0.0', ...config }),
      );
      expect(reportOf(env, config, theirs)).to.deep.equal(theirs);
    });
  }

  /** Our error for the same request. The text of a decoder is its own: only that it is one is compared. */
  function reportOf(env: object, config: object | string, theirs: { msg: string }): unknown {
    const versions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0'];
    try {
      parseRequest(raw({ ...env }, typeof config === 'string' ? config : { cniVersion: '1.0.0', ...config }), {
        versions,
      });
    } catch (error) {
      const ours = JSON.parse(errorReport(error));
      const isDecoder = ours.msg.startsWith('error unmarshall network config: ');
      return isDecoder && theirs.msg.startsWith('error unmarshall network config: ')
        ? { ...ours, msg: theirs.msg }
        : ours;
    }
    return undefined;
  }

  for (const args of ['FOO=1', 'FOO', 'IP=10.1.2.3/24;', 'IgnoreUnknown=x', 'FOO=1;BAR=2;IgnoreUnknown=false']) {
    it(`CNI_ARGS="${args}" is the same message`, () => {
      const config = { cniVersion: '1.0.0', ipam: { type: 'static', addresses: [] } };
      const theirs = JSON.parse(ask({ CNI_ARGS: args }, config)).msg;
      expect(() => knownArgs(parse({ CNI_ARGS: args }).args, ['IP', 'GATEWAY'])).to.throw(theirs);
    });
  }
});
