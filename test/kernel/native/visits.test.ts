import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Step } from '../../../lib/kernel/contract';
import { KernelError } from '../../../lib/kernel/errors';
import { native } from '../../../lib/kernel/native';
import { bridge, pair, podUp, runScript, useNamespaces } from './support';

const open = (): number => readdirSync('/proc/self/fd').length;
const namespaces = (): Set<string> =>
  new Set(readdirSync('/proc/self/task').map((task) => readlinkSync(`/proc/self/task/${task}/ns/net`)));

describe('A visit', () => {
  const ns = useNamespaces();
  const links = { query: 'links', ns: 'pod' } as const;

  const faultOf = (work: () => unknown): KernelError => {
    try {
      work();
    } catch (error) {
      expect(error).to.be.instanceOf(KernelError);
      return error as KernelError;
    }
    return expect.fail('no fault');
  };

  it('does what calls with paths do, one call after another', async () => {
    const { visit, isOwn } = native().visit(ns.where);
    expect(isOwn).to.equal(false);
    const before = await native().observe({ visit }, [links, { query: 'link', ns: 'host', name: 'cni0' }]);
    expect(before.map((answer) => (Array.isArray(answer) ? answer.length : answer))).to.deep.equal([1, null]);
    const step = { ...pair, master: 'cni0' } as Step;
    const { faults, outcomes } = await native().apply({ visit }, [bridge, step, podUp], 'stop');
    expect(faults).to.deep.equal([]);
    const [host] = await ns.ip('host', 'link', 'show', 'vetha');
    expect([host.master, host.ifindex]).to.deep.equal(['cni0', outcomes[1]?.ifindex]);
    expect((await ns.ip('pod', 'link', 'show', 'eth0'))[0].flags).to.include('UP');
    native().leave(visit);
  });

  it('stays with the namespaces that it was begun in, whatever becomes of their paths', async () => {
    await ns.apply(pair);
    const { visit } = native().visit(ns.where);
    await native().observe({ visit }, [links]);
    const [answer] = await native().observe({ visit }, [{ query: 'link', ns: 'pod', name: 'eth0' }]);
    expect(answer).to.deep.include({ name: 'eth0' });
    native().leave(visit);
  });

  it('sees a bridge that was made anew since it looked', async () => {
    await ns.apply(bridge);
    const { visit } = native().visit(ns.where);
    const look = { query: 'link', ns: 'host', name: 'cni0' } as const;
    await native().observe({ visit }, [look]);
    await ns.run('host', 'ip', 'link', 'delete', 'cni0');
    await ns.run('host', 'ip', 'link', 'add', 'cni0', 'type', 'bridge');
    const { faults } = await native().apply({ visit }, [{ ...pair, master: 'cni0' } as Step], 'stop');
    expect(faults).to.deep.equal([]);
    expect((await ns.ip('host', 'link', 'show', 'vetha'))[0].master).to.equal('cni0');
    await native().observe({ visit }, [look]);
    await ns.run('host', 'ip', 'link', 'delete', 'cni0');
    const link = { kind: 'veth', peer: { ns: 'pod', name: 'eth1' } };
    const again = { ...pair, name: 'vethb', master: 'cni0', link } as Step;
    const second = await native().apply({ visit }, [again], 'stop');
    expect(second.faults[0]).to.include({ errno: 'ENODEV', message: 'there is no link "cni0"' });
    native().leave(visit);
  });

  it('knows the link that it makes from one that had the name in the run before', async () => {
    const { visit } = native().visit(ns.where);
    const run = (...steps: Step[]) => native().apply({ visit }, steps, 'stop');
    await run(pair, podUp);
    await ns.run('host', 'ip', 'link', 'delete', 'vetha');
    const [made] = (await run(pair)).outcomes;
    const { outcomes } = await run(podUp);
    expect(outcomes[0]).to.deep.include({ did: 'changed', ifindex: made?.peer?.ifindex, previous: { up: false } });
    native().leave(visit);
  });

  it('works on one call at a time, however many are made', async () => {
    const { visit } = native().visit(ns.where);
    await native().apply({ visit }, [pair, podUp], 'stop');
    const step = (i: number): Step => ({
      op: 'addr.add',
      ns: 'pod',
      link: 'eth0',
      address: `10.5.${i}.1/24`,
      ifExists: 'fail',
    });
    const calls = Array.from({ length: 30 }, (_, i) => native().apply({ visit }, [step(i)], 'stop'));
    native().leave(visit);
    for (const { faults } of await Promise.all(calls)) expect(faults).to.deep.equal([]);
    expect((await ns.ip('pod', '-4', 'addr', 'show', 'eth0'))[0].addr_info).to.have.length(30);
  });

  it('tells whether the two namespaces are one', () => {
    const { visit, isOwn } = native().visit({ host: ns.where.host, pod: ns.where.host });
    expect(isOwn).to.equal(true);
    native().leave(visit);
    const own = native().visit({ pod: '/proc/self/ns/net' });
    expect(own.isOwn).to.equal(true);
    native().leave(own.visit);
  });

  it('is refused where a path is none of a network namespace', () => {
    expect(faultOf(() => native().visit({ pod: '/run/nosuch' }))).to.include({ errno: 'ENOENT' });
    expect(faultOf(() => native().visit({ pod: '/proc/self/ns/mnt' }))).to.include({ errno: 'EINVAL' });
    expect(faultOf(() => native().visit({ host: '/run/nosuch', pod: ns.where.pod }))).to.include({ errno: 'ENOENT' });
    expect(faultOf(() => native().visit({})).message).to.include('where.pod is missing');
  });

  it('is none any more once it was left, which it may be again and again', async () => {
    const { visit } = native().visit(ns.where);
    for (let i = 0; i < 3; i++) native().leave(visit);
    const fault = await native()
      .observe({ visit }, [links])
      .catch((error) => error);
    expect(fault.fault.message).to.equal('where.visit is none that is being paid');
  });

  it('leaves nothing in the hands of the threads that ended it, and then wait for other work', async () => {
    const script = `
      const { readdirSync, statSync } = require('node:fs');
      const addon = load(process.argv[1]);
      const pod = statSync(process.argv[2]).ino;
      const visits = Array.from({ length: 8 }, () => addon.visit('', process.argv[2]));
      const held = () => readdirSync('/proc/self/fd').filter(
        (fd) => statSync('/proc/self/fd/' + fd, { throwIfNoEntry: false })?.ino === pod).length;
      for (const visit of visits) addon.leave(visit);
      const ends = Date.now() + 2000;
      const look = () => (held() > 0 && Date.now() < ends ? setTimeout(look, 10) : console.log(held()));
      look();
    `;
    expect(await runScript(script, [ns.where.pod])).to.include({ stdout: '0\n', stderr: '' });
  });

  it('leaves no descriptor, and no thread in a namespace that is not ours', async () => {
    const round = async () => {
      const { visit } = native().visit(ns.where);
      await native().observe({ visit }, [links, { query: 'nft.sets', ns: 'pod', family: 'inet', table: 't' }]);
      await native().observe({ visit }, [{ query: 'sysctl', ns: 'pod', key: 'net/ipv4/ip_forward' }]);
      native().leave(visit);
    };
    await round();
    await sleep(100);
    const before = open();
    for (let i = 0; i < 20; i++) await round();
    for (let tries = 0; tries < 200 && (open() > before || namespaces().size > 1); tries++) await sleep(10);
    expect(open()).to.be.at.most(before);
    expect(namespaces()).to.deep.equal(new Set([readlinkSync('/proc/self/ns/net')]));
  });
});
