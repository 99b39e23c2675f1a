import { expect } from 'chai';
import type { ConntrackFlow } from '../../../lib/kernel/contract';
import { runScript, useNamespaces } from './support';

/** A tracked connection, known by the port that it came from. */
interface Tracked {
  from: number;
  protocol?: 'tcp' | 'udp' | 'sctp';
  to?: string;
  port?: number;
  answeredBy?: string;
}

describe('conntrack.flush', () => {
  const ns = useNamespaces();

  const track = ({ from, protocol = 'udp', to = '10.0.0.1', port = 53, answeredBy = to }: Tracked) => {
    const client = to.includes(':') ? 'fd00:9::1' : '10.9.0.1';
    const there = ['--orig-src', client, '--orig-dst', to, '--orig-port-src', `${from}`, '--orig-port-dst', `${port}`];
    const back = ['--reply-src', answeredBy, '--reply-dst', client];
    const ports = ['--reply-port-src', `${port}`, '--reply-port-dst', `${from}`];
    const state =
      protocol === 'udp'
        ? []
        : ['--state', 'ESTABLISHED', ...(protocol === 'sctp' ? ['--orig-vtag', '1', '--reply-vtag', '2'] : [])];
    return ns.run('host', 'conntrack', '-I', '-p', protocol, ...there, ...back, ...ports, ...state, '--timeout', '300');
  };
  const tracked = async () => {
    const listed = await Promise.all(['ipv4', 'ipv6'].map((family) => ns.run('host', 'conntrack', '-L', '-f', family)));
    return [...listed.join('').matchAll(/sport=(\d+) dport=\d+ .*src=/g)].map(([, port]) => Number(port)).sort();
  };
  const flush = async (...flows: ConntrackFlow[]) =>
    (await ns.apply({ op: 'conntrack.flush', ns: 'host', flows }))[0]?.did;
  const dns: ConntrackFlow = { protocol: 'udp', family: 'ip', port: 53 };

  it('ends what was begun towards a port, by protocol, family and address, and nothing else', async () => {
    await track({ from: 1 });
    await track({ from: 2, to: '10.0.0.2' });
    await track({ from: 3, protocol: 'tcp' });
    await track({ from: 4, port: 54 });
    await track({ from: 5, to: 'fd00::1' });
    await track({ from: 6, protocol: 'sctp' });
    expect(await tracked()).to.deep.equal([1, 2, 3, 4, 5, 6]);
    expect(await flush({ ...dns, ip: '10.0.0.2' })).to.equal('deleted');
    expect(await tracked()).to.deep.equal([1, 3, 4, 5, 6]);
    expect(await flush(dns)).to.equal('deleted');
    expect(await tracked()).to.deep.equal([3, 4, 5, 6]);
    expect(await flush({ ...dns, family: 'ip6', ip: 'fd00::2' }, dns)).to.equal('kept');
    expect(await flush({ ...dns, family: 'ip6', ip: 'fd00::1' }, { ...dns, protocol: 'tcp' })).to.equal('deleted');
    expect(await tracked()).to.deep.equal([4, 6]);
    expect(await flush({ ...dns, protocol: 'sctp' })).to.equal('deleted');
    expect(await tracked()).to.deep.equal([4]);
  });

  it('ends what belongs to one of several flows', async () => {
    const flows: ConntrackFlow[] = [
      { ...dns, ip: '10.0.0.1' },
      { ...dns, ip: '10.0.0.2', port: 54 },
      { ...dns, protocol: 'tcp' },
      { ...dns, family: 'ip6' },
    ];
    const begin = () =>
      Promise.all([
        track({ from: 1 }),
        track({ from: 2, to: '10.0.0.2', port: 54 }),
        track({ from: 3, protocol: 'tcp', to: '10.0.0.3' }),
        track({ from: 4, to: 'fd00::1' }),
        track({ from: 5, to: '10.0.0.2' }),
        track({ from: 6, port: 54 }),
        track({ from: 7, to: 'fd00::1', port: 54 }),
      ]);
    for (const [count, left] of [
      [1, [2, 3, 4, 5, 6, 7]],
      [2, [3, 4, 5, 6, 7]],
      [3, [4, 5, 6, 7]],
      [4, [5, 6, 7]],
    ] as const) {
      await begin();
      expect(await flush(...flows.slice(0, count))).to.equal('deleted');
      expect(await tracked()).to.deep.equal(left);
      expect(await flush(...flows.slice(0, count))).to.equal('kept');
      await ns.run('host', 'conntrack', '-F');
    }
    expect(await flush()).to.equal('kept');
  });

  it('ends those that an address answers, or those that another one does', async () => {
    for (const [to, pod, other] of [
      ['10.0.0.1', '10.1.2.3', '10.1.2.4'],
      ['fd00::1', 'fd00:1::3', 'fd00:1::4'],
    ] as const) {
      const flow: ConntrackFlow = { ...dns, family: to.includes(':') ? 'ip6' : 'ip' };
      const begin = () =>
        Promise.all([
          track({ from: 1, to }),
          track({ from: 2, to, answeredBy: pod }),
          track({ from: 3, to, answeredBy: other }),
        ]);
      await begin();
      expect(await flush({ ...flow, answeredBy: pod })).to.equal('deleted');
      expect(await tracked()).to.deep.equal([1, 3]);
      await track({ from: 2, to, answeredBy: pod });
      expect(await flush({ ...flow, notAnsweredBy: pod })).to.equal('deleted');
      expect(await tracked()).to.deep.equal([2]);
      expect(await flush({ ...flow, notAnsweredBy: pod })).to.equal('kept');
      await flush(flow);
    }
  });

  it('ends many, though others end them at the same time', async () => {
    const rules =
      'add table ip t; add chain ip t c { type filter hook output priority 0; }; add rule ip t c ct state new';
    await ns.run('host', 'nft', rules);
    const send = 'for i in $(seq 500); do echo >/dev/udp/127.0.0.1/53; done 2>/dev/null';
    await ns.run('host', 'bash', '-c', send);
    expect(await tracked()).to.have.length.above(400);
    const ends = await Promise.all(Array.from({ length: 10 }, () => flush(dns)));
    expect(ends).to.include('deleted');
    expect(await tracked()).to.deep.equal([]);
  });

  it('takes only what the kernel has looked through', async () => {
    for (let from = 1; from <= 40; from++) await track({ from, port: 1000 + (from % 40) });
    const script = `load(process.argv[1]).apply({ host: process.argv[2] }, JSON.parse(process.argv[3]), 'stop')
      .then(({ outcomes }) => console.log(outcomes[0].did))`;
    const steps = [{ op: 'conntrack.flush', ns: 'host', flows: [{ ...dns, port: 1007, ip: '10.0.0.1' }] }];
    const args = [ns.where.host, JSON.stringify(steps)];
    const { stdout, stderr } = await runScript(script, args, ['strace', '-f', '-qq', '-e', 'trace=recvfrom']);
    expect(stdout).to.equal('deleted\n');
    const received = [...stderr.matchAll(/recvfrom\(.*= (\d+)$/gm)].reduce((sum, [, size]) => sum + Number(size), 0);
    expect(received, 'one connection is some 200 bytes').to.be.within(100, 1000);
  });

  it('has nothing to do where the kernel tracks no connections', async () => {
    const script = `load(process.argv[1]).apply({ host: process.argv[2] }, JSON.parse(process.argv[3]), 'stop')
      .then(({ outcomes, faults }) => console.log(faults[0] ? faults[0].errno : outcomes[0].did))`;
    const steps = [{ op: 'conntrack.flush', ns: 'host', flows: [dns] }];
    const fate = async (calls: string, errno: string) => {
      const inject = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', `inject=${calls}:error=${errno}`];
      return (await runScript(script, [ns.where.host, JSON.stringify(steps)], ['strace', ...inject])).stdout.trim();
    };
    expect(await fate('socket', 'EPROTONOSUPPORT')).to.equal('kept');
    expect(await fate('sendto,sendmsg', 'EINVAL')).to.equal('kept');
    expect(await fate('sendto,sendmsg', 'EPERM')).to.equal('EPERM');
  });
});
