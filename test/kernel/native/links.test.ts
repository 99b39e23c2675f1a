import { expect } from 'chai';
import type { LinkAdd, LinkFact } from '../../../lib/kernel/contract';
import { native } from '../../../lib/kernel/native';
import { bridge, pair, podUp, useNamespaces } from './support';

const veth = pair as LinkAdd;

describe('links', () => {
  const ns = useNamespaces();

  describe('link.add', () => {
    it('makes a bridge with its MAC and MTU, switched on', async () => {
      const [made] = await ns.apply({ ...(bridge as LinkAdd), mac: '0a:00:00:00:00:0b', mtu: 1400 });
      const [seen] = await ns.ip('host', 'link', 'show', 'cni0');
      expect(seen).to.deep.include({ address: '0a:00:00:00:00:0b', mtu: 1400, ifindex: made?.ifindex });
      expect(seen.flags).to.include('UP');
      expect(seen.linkinfo.info_kind).to.equal('bridge');
      expect(made).to.deep.include({ did: 'created', mac: '0a:00:00:00:00:0b', mtu: 1400 });
    });

    it('makes both ends of a veth pair, each in its namespace, with everything at once', async () => {
      const step: LinkAdd = {
        ...veth,
        mtu: 1400,
        master: 'cni0',
        link: { kind: 'veth', peer: { ns: 'pod', name: 'eth0', mac: '0a:00:00:00:00:02', mtu: 1300 } },
      };
      const [, made] = await ns.apply(bridge, step);
      const [host] = await ns.ip('host', 'link', 'show', 'vetha');
      const [pod] = await ns.ip('pod', 'link', 'show', 'eth0');
      expect(host).to.include({ address: '0a:00:00:00:00:01', mtu: 1400, master: 'cni0' });
      expect(host.flags).to.include('UP');
      expect(pod).to.include({ address: '0a:00:00:00:00:02', mtu: 1300 });
      expect(pod.flags).not.to.include('UP');
      expect(made).to.deep.include({ did: 'created', ifindex: host.ifindex, mac: host.address, mtu: 1400 });
      expect(made?.peer).to.deep.equal({ ifindex: pod.ifindex, mac: pod.address, mtu: 1300 });
    });

    it('gives each end of a pair one queue', async () => {
      await ns.apply(pair);
      const [host] = await ns.ip('host', 'link', 'show', 'vetha');
      const [pod] = await ns.ip('pod', 'link', 'show', 'eth0');
      for (const end of [host, pod]) expect(end).to.include({ num_tx_queues: 1, num_rx_queues: 1 });
    });

    it('can make both ends in one namespace', async () => {
      const [made] = await ns.apply({ ...veth, link: { kind: 'veth', peer: { ns: 'host', name: 'vethb' } } });
      const [peer] = await ns.ip('host', 'link', 'show', 'vethb');
      expect(made?.peer?.ifindex).to.equal(peer.ifindex);
    });

    it('keeps a bridge that is there, as it is', async () => {
      const [made] = await ns.apply(bridge);
      const [kept] = await ns.apply({ ...(bridge as LinkAdd), mtu: 1400, ifExists: 'keep' });
      expect(kept).to.deep.include({ did: 'kept', ifindex: made?.ifindex, mtu: 1500 });
    });

    it('refuses to keep a link of another kind', async () => {
      await ns.apply(pair);
      const { faults } = await ns.attempt({ ...(bridge as LinkAdd), name: 'vetha', ifExists: 'keep' });
      expect(faults[0]).to.include({ errno: 'EEXIST', message: '"vetha" already exists but is not a bridge' });
    });

    it('says which end of a pair has its name taken, and by what', async () => {
      await ns.apply(pair);
      const host = await ns.attempt({ ...veth, link: { kind: 'veth', peer: { ns: 'pod', name: 'eth1' } } });
      expect(host.faults[0]).to.include({
        op: 'add veth pair vetha (host) – eth1 (pod)',
        errno: 'EEXIST',
        code: 17,
        message: '"vetha" already exists: a veth with MAC 0a:00:00:00:00:01',
      });
      const pod = await ns.attempt({ ...veth, name: 'vethb' });
      expect(pod.faults[0]?.message).to.equal('"eth0" already exists in the pod: a veth with MAC 0a:00:00:00:00:02');
      expect(await ns.ip('host', 'link', 'show')).to.have.length(2);
    });

    it('names the missing bridge and makes nothing', async () => {
      const { outcomes, faults } = await ns.attempt({ ...veth, master: 'nobr' });
      expect(faults[0]).to.include({ errno: 'ENODEV', message: 'there is no link "nobr"' });
      expect(outcomes).to.deep.equal([]);
      expect(await ns.ask({ query: 'link', ns: 'host', name: 'vetha' })).to.equal(null);
    });

    it('passes on what the kernel says', async () => {
      const { faults } = await ns.attempt({ ...veth, mac: '01:00:00:00:00:01' });
      expect(faults[0]).to.include({ errno: 'EADDRNOTAVAIL', message: 'Cannot assign requested address' });
    });

    it('says that a bridge is full when it has its 1,023 ports', async function () {
      this.timeout(120_000);
      const commands = Array.from({ length: 1023 }, (_, i) => `link add p${i} master cni0 type veth peer name q${i}`);
      await ns.apply(bridge);
      await ns.run('host', 'sh', '-c', `ip -batch - <<END\n${commands.join('\n')}\nEND`);
      expect(await ns.ask({ query: 'links', ns: 'host' })).to.have.length(2 + 2 * 1023);
      const { faults } = await ns.attempt({ ...veth, master: 'cni0' });
      expect(faults[0]).to.include({
        errno: 'EXFULL',
        message: 'bridge "cni0" has no free port (the kernel allows 1023)',
      });
      expect(await ns.ask({ query: 'link', ns: 'host', name: 'vetha' })).to.equal(null);
    });
  });

  describe('link.set', () => {
    it('writes what differs and says what was there before', async () => {
      await ns.apply(bridge, { ...veth, master: 'cni0' });
      const alias = 'a'.repeat(255);
      const wanted = { op: 'link.set', ns: 'host', name: 'vetha', mtu: 1400, up: true, alias, hairpin: true } as const;
      const [set] = await ns.apply({ ...wanted, mac: '0a:00:00:00:00:03', promisc: true, isolated: true });
      expect(set).to.deep.include({ did: 'changed', mac: '0a:00:00:00:00:03', mtu: 1400 });
      expect(set?.previous).to.deep.equal({
        mtu: 1500,
        mac: '0a:00:00:00:00:01',
        alias: '',
        promisc: false,
        hairpin: false,
        isolated: false,
      });
      const [seen] = await ns.ip('host', 'link', 'show', 'vetha');
      expect(seen).to.include({ mtu: 1400, address: '0a:00:00:00:00:03', ifalias: alias });
      expect(seen.flags).to.include('PROMISC');
      expect(seen.linkinfo.info_slave_data).to.include({ hairpin: true, isolated: true });
    });

    it('undoes itself from what it said', async () => {
      await ns.apply(bridge, { ...veth, master: 'cni0' });
      const before = await ns.ask({ query: 'link', ns: 'host', name: 'vetha' });
      const name = { op: 'link.set', ns: 'host', name: 'vetha' } as const;
      const [set] = await ns.apply({ ...name, up: false, mtu: 1400, alias: 'x', promisc: true, hairpin: true });
      const { value: _, ...previous } = set?.previous ?? {};
      await ns.apply({ ...name, ...previous });
      const after = await ns.ask({ query: 'link', ns: 'host', name: 'vetha' });
      const settings = ({ operstate: _o, port, ...rest }: LinkFact) => ({ ...rest, hairpin: port?.hairpin });
      expect(settings(after as LinkFact)).to.deep.equal(settings(before as LinkFact));
    });

    it('passes on how the kernel explains itself', async () => {
      await ns.apply(pair);
      const { faults } = await ns.attempt({ op: 'link.set', ns: 'host', name: 'vetha', mtu: 70000 });
      const { us, ...fault } = faults[0] ?? {};
      expect(us).to.be.a('number');
      expect(fault).to.deep.equal({
        step: 0,
        op: 'set link vetha: mtu 70000',
        errno: 'EINVAL',
        code: 22,
        message: 'Invalid argument',
        extack: 'mtu greater than device maximum',
      });
    });

    it('changes nothing where nothing differs', async () => {
      await ns.apply(bridge);
      const [set] = await ns.apply({ op: 'link.set', ns: 'host', name: 'cni0', up: true, mtu: 1500, promisc: false });
      expect(set).to.deep.include({ did: 'kept', mtu: 1500 });
      expect(set).not.to.have.property('previous');
    });

    it('pins the MAC of a bridge to what it is, so that it does not become that of a port', async () => {
      await ns.run('host', 'ip', 'link', 'add', 'cni0', 'type', 'bridge');
      const mac = async () => (await ns.ip('host', 'link', 'show', 'cni0'))[0].address;
      const before = await mac();
      const [pinned] = await ns.apply({ op: 'link.set', ns: 'host', name: 'cni0', pinMac: true });
      expect(pinned).to.deep.include({ did: 'changed', mac: before, previous: {} });
      await ns.apply({ ...veth, master: 'cni0' });
      expect(await mac()).to.equal(before);
    });

    it('refuses port settings of a link that is no port', async () => {
      await ns.apply(pair);
      const { faults } = await ns.attempt({ op: 'link.set', ns: 'host', name: 'vetha', hairpin: true });
      expect(faults[0]).to.include({
        op: 'set link vetha: hairpin on',
        message: 'link "vetha" is no port of a bridge',
      });
    });
  });

  describe('link.delete', () => {
    it('deletes by name, and both ends are gone', async () => {
      const [made] = await ns.apply(pair);
      const [gone] = await ns.apply({ op: 'link.delete', ns: 'host', name: 'vetha', ifMissing: 'fail' });
      expect(gone).to.deep.include({ did: 'deleted', ifindex: made?.ifindex });
      expect(await ns.ask({ query: 'link', ns: 'pod', name: 'eth0' })).to.equal(null);
    });

    it('leaves a link of that name that has another MAC or is of another kind', async () => {
      await ns.apply(pair);
      const step = { op: 'link.delete', ns: 'host', name: 'vetha', ifMissing: 'keep' } as const;
      const kept = await ns.apply({ ...step, mac: '0a:00:00:00:00:99' }, { ...step, kind: 'bridge' });
      expect(kept.map(({ did }) => did)).to.deep.equal(['kept', 'kept']);
      const [deleted] = await ns.apply({ ...step, mac: '0a:00:00:00:00:01', kind: 'veth' });
      expect(deleted?.did).to.equal('deleted');
    });

    it('deletes by ifindex whatever the link is called by now', async () => {
      const [made] = await ns.apply(pair);
      await ns.run('host', 'ip', 'link', 'set', 'vetha', 'down');
      await ns.run('host', 'ip', 'link', 'set', 'vetha', 'name', 'renamed');
      const ifindex = made?.ifindex as number;
      const [gone] = await ns.apply({ op: 'link.delete', ns: 'host', name: 'vetha', ifindex, ifMissing: 'fail' });
      expect(gone?.did).to.equal('deleted');
    });

    it('keeps or fails where there is none', async () => {
      const step = { op: 'link.delete', ns: 'pod', name: 'eth0', mac: '0a:00:00:00:00:01' } as const;
      expect((await ns.apply({ ...step, ifMissing: 'keep' }))[0]?.did).to.equal('kept');
      const { faults } = await ns.attempt({ ...step, ifMissing: 'fail' });
      expect(faults[0]).to.include({
        op: 'delete link eth0 in the pod',
        errno: 'ENODEV',
        message: 'there is no link "eth0" in the pod with MAC 0a:00:00:00:00:01',
      });
    });

    it('deletes many side by side in mode continue, past those that fail', async () => {
      const names = Array.from({ length: 20 }, (_, i) => `veth${i}`);
      await ns.apply(
        ...names.map(
          (name): LinkAdd => ({ ...veth, name, link: { kind: 'veth', peer: { ns: 'pod', name: `p${name}` } } }),
        ),
      );
      const steps = [...names, 'nolink', 'lo'].map(
        (name) => ({ op: 'link.delete', ns: 'host', name, ifMissing: 'fail' }) as const,
      );
      const { outcomes, faults } = await native().apply(ns.where, steps, 'continue');
      expect(outcomes).to.have.length(22);
      expect(outcomes.slice(0, 20).map((outcome) => outcome?.did)).to.deep.equal(Array(20).fill('deleted'));
      expect(outcomes.slice(20)).to.deep.equal([null, null]);
      expect(faults.map(({ step, errno }) => ({ step, errno }))).to.deep.equal([
        { step: 20, errno: 'ENODEV' },
        { step: 21, errno: 'EOPNOTSUPP' },
      ]);
      expect(await ns.ip('pod', 'link', 'show')).to.have.length(1);
    });
  });

  it('a run goes on with the link it made, though another has its name by then', async () => {
    await ns.run('host', 'ip', 'link', 'add', 'other', 'type', 'bridge');
    const running = native().apply(
      ns.where,
      [
        { ...veth, up: false },
        { op: 'link.wait', ns: 'host', name: 'vetha', timeoutMs: 1000 },
        { op: 'link.set', ns: 'host', name: 'vetha', alias: 'ours' },
      ],
      'continue',
    );
    await ns.run('host', 'sh', '-c', 'until ip link set vetha name moved; do :; done; ip link set other name vetha');
    const { outcomes, faults } = await running;
    expect(faults.map(({ errno }) => errno)).to.deep.equal(['ETIMEDOUT']);
    const moved = await ns.ask({ query: 'link', ns: 'host', name: 'moved' });
    expect(moved).to.include({ ifindex: outcomes[0]?.ifindex, alias: 'ours' });
    expect(await ns.ask({ query: 'link', ns: 'host', name: 'vetha' })).to.include({ kind: 'bridge', alias: '' });
  });

  describe('link.wait', () => {
    it('returns once both ends are up and the port forwards', async () => {
      await ns.apply(bridge, { ...veth, master: 'cni0' });
      const waiting = ns.apply({ op: 'link.wait', ns: 'host', name: 'vetha', timeoutMs: 5000 });
      await ns.apply(podUp);
      const [waited] = await waiting;
      expect(waited?.us).to.be.below(2_000_000);
      const link = await ns.ask({ query: 'link', ns: 'host', name: 'vetha' });
      expect(link).to.deep.include({ operstate: 'up', port: { hairpin: false, isolated: false, state: 'forwarding' } });
    });

    it('gives up with ETIMEDOUT while the other end is down', async () => {
      await ns.apply(pair);
      const { faults } = await ns.attempt({ op: 'link.wait', ns: 'host', name: 'vetha', timeoutMs: 20 });
      expect(faults[0]).to.include({ op: 'wait for link vetha', errno: 'ETIMEDOUT' });
    });
  });

  describe('link.announce', () => {
    it('sends a gratuitous ARP for each address of the link', async () => {
      await ns.apply(pair, podUp);
      await ns.run('pod', 'sysctl', '-qw', 'net.ipv4.conf.eth0.arp_notify=1');
      await ns.run('pod', 'ip', 'addr', 'add', '10.1.2.3/24', 'dev', 'eth0');
      const capture = ns.run(
        'host',
        'timeout',
        '5',
        'tcpdump',
        '-nlc1',
        '-i',
        'vetha',
        'arp',
        'and',
        'src',
        '10.1.2.3',
      );
      await new Promise((resolve) => setTimeout(resolve, 700));
      const [announced] = await ns.apply({ op: 'link.announce', ns: 'pod', name: 'eth0' });
      expect(announced?.did).to.equal('changed');
      expect(await capture).to.contain('10.1.2.3');
    });
  });

  describe('the queries link and links', () => {
    it('tell of a veth which other end it has', async () => {
      await ns.apply(bridge, { ...veth, master: 'cni0' });
      const [host, pod, br] = await Promise.all([
        ns.ask({ query: 'link', ns: 'host', name: 'vetha' }),
        ns.ask({ query: 'link', ns: 'pod', name: 'eth0' }),
        ns.ask({ query: 'link', ns: 'host', name: 'cni0' }),
      ]);
      expect(host).to.deep.include({ kind: 'veth', peer: pod?.ifindex, master: br?.ifindex, up: true });
      expect(host?.peerNetnsId).to.be.a('number');
      expect(pod).to.deep.include({ kind: 'veth', peer: host?.ifindex, mac: '0a:00:00:00:00:02', up: false });
      expect(br).to.deep.include({ kind: 'bridge', peer: 0, peerNetnsId: null });
      expect(br?.bridge?.vlanFiltering).to.equal(false);
      expect(br).not.to.have.property('port');
    });

    it('answer null and a list for what is not there', async () => {
      expect(await ns.ask({ query: 'link', ns: 'host', name: 'nolink' })).to.equal(null);
      const links = (await ns.ask({ query: 'links', ns: 'pod' })) as LinkFact[];
      expect(links.map(({ name, kind }) => ({ name, kind }))).to.deep.equal([{ name: 'lo', kind: '' }]);
    });
  });
});
