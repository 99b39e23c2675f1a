import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import type { NftBatch, NftElements, NftExpr, Step } from '../../../lib/kernel/contract';
import { pair, podUp, useNamespaces } from './support';

const batch = { op: 'nft.batch', ns: 'host', family: 'inet', table: 'ports' } as const;
const isFamily = (data: string): NftExpr[] => [
  { expr: 'meta', key: 'nfproto', dreg: 1 },
  { expr: 'cmp', sreg: 1, op: 'eq', data },
];
const protocolAndPort = (first: number): NftExpr[] => [
  { expr: 'meta', key: 'l4proto', dreg: first },
  { expr: 'payload', base: 'transport', offset: 2, length: 2, dreg: first + 1 },
];
const ensure: NonNullable<NftBatch['ensure']> = {
  comment: '',
  chains: [{ name: 'output', hook: { type: 'nat', hook: 'output', priority: -95 } }, { name: 'hostports' }],
  sets: [
    { name: 'at_v4', key: 'ipv4_addr . inet_proto . inet_service', data: 'ipv4_addr . inet_service', comment: '' },
    { name: 'any_v6', key: 'inet_proto . inet_service', data: 'ipv6_addr . inet_service', comment: '' },
  ],
  rules: [
    {
      chain: 'output',
      comment: 'own',
      exprs: [
        { expr: 'fib', result: 'type', of: 'daddr', dreg: 1 },
        { expr: 'cmp', sreg: 1, op: 'eq', data: '02000000' },
        { expr: 'verdict', verdict: 'jump', chain: 'hostports' },
      ],
    },
    {
      chain: 'hostports',
      comment: 'v4',
      exprs: [
        ...isFamily('02'),
        { expr: 'payload', base: 'network', offset: 16, length: 4, dreg: 8 },
        ...protocolAndPort(9),
        { expr: 'lookup', sreg: 1, set: 'at_v4', dreg: 1 },
        { expr: 'dnat', family: 'ip', address: 1, port: 9 },
      ],
    },
    {
      chain: 'hostports',
      comment: 'v6',
      exprs: [
        ...isFamily('0a'),
        ...protocolAndPort(8),
        { expr: 'lookup', sreg: 1, set: 'any_v6', dreg: 1 },
        { expr: 'dnat', family: 'ip6', address: 1, port: 2 },
      ],
    },
  ],
};

interface Side {
  host: string;
  pod: string;
  length: number;
  set: string;
  /** What of a key comes before protocol and port. */
  at: string;
}
const sides: Record<string, Side> = {
  IPv4: { host: '10.1.2.1', pod: '10.1.2.3', length: 24, set: 'at_v4', at: '10.1.2.1 . ' },
  IPv6: { host: 'fd00:1::1', pod: 'fd00:1::3', length: 64, set: 'any_v6', at: '' },
};

describe('A dnat rule on a map', () => {
  const ns = useNamespaces();
  let echo: ChildProcess | undefined;
  afterEach(async () => {
    if (echo === undefined) return;
    const closed = once(echo, 'close');
    echo.kill('SIGKILL');
    await closed;
  });

  async function startEcho(address: string): Promise<void> {
    const script = join(__dirname, '../../support/echo-peer.cjs');
    echo = spawn('nsenter', [`--net=${ns.where.pod}`, '--', process.execPath, script, address, '80']);
    await Promise.race([once(echo.stdout as NodeJS.ReadableStream, 'data'), once(echo, 'close')]);
  }

  /** Whom the pod sees when the host asks its own address, where nobody listens; "" where no answer comes. */
  async function ask(protocol: string, address: string, port: number): Promise<string> {
    const script = `exec 3<>/dev/${protocol}/${address}/${port} && { echo >&3; timeout 5 head -n 1 <&3; }`;
    return (await ns.run('host', 'bash', '--norc', '-c', `(${script}) 2>/dev/null || true`)).trim();
  }

  const address = (where: 'host' | 'pod', link: string, ip: string, length: number): Step => ({
    op: 'addr.add',
    ns: where,
    link,
    address: `${ip}/${length}`,
    nodad: true,
    ifExists: 'fail',
  });

  for (const [family, { host, pod, length, set, at }] of Object.entries(sides))
    it(`sends what comes to a mapped port of the host on, and nothing else (${family})`, async () => {
      await ns.apply(pair, podUp, address('host', 'vetha', host, length), address('pod', 'eth0', pod, length));
      await startEcho(pod);
      const mapped: NftElements = { set, keys: [`${at}tcp . 8080`, `${at}udp . 8053`], data: `${pod} . 80` };
      await ns.apply({ ...batch, ensure, add: [mapped] });
      expect(await ask('tcp', host, 8080)).to.equal(host);
      expect(await ask('udp', host, 8053)).to.equal(host);
      expect(await ask('tcp', host, 8053)).to.equal('');
      await ns.apply({ ...batch, remove: [mapped] });
      expect(await ask('tcp', host, 8080)).to.equal('');
    });
});
