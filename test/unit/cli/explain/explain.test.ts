import { expect } from 'chai';
import { explainPlugins, type Subject } from '../../../../lib/cli/explain/explain';
import { explanationText } from '../../../../lib/cli/explain/text';
import { paintFor } from '../../../../lib/cli/paint';
import { addrFact, linkFact } from '../../facts';
import { type Facts, madeUpWorld, withNetwork } from './made-up';

const subject: Subject = {
  attachment: { containerId: 'example', netns: '/run/netns/example', ifname: 'eth0', args: [], capabilityArgs: {} },
  hasPod: false,
};
const ipam = { type: 'host-local', dataDir: '/nowhere/leases', subnet: '10.22.0.0/16', routes: [{ dst: '0.0.0.0/0' }] };
const bridge = {
  cniVersion: '0.2.0',
  name: 'mynet',
  type: 'bridge',
  bridge: 'cni0',
  isGateway: true,
  ipMasq: true,
  ipam,
};
const list = (...plugins: object[]) => ({ cniVersion: '1.0.0', name: 'net', plugins });
const flat = { type: 'bridge', ip: '10.9.0.2/24' };

const told = (config: object, facts: Facts = {}, { hasPod = false, path = ['/nowhere/bin'] } = {}) =>
  withNetwork({ [`10-net.${'plugins' in config ? 'conflist' : 'conf'}`]: config }, async (network) => {
    const explained = await explainPlugins(madeUpWorld(facts, path), network, { ...subject, hasPod });
    const { containerId, ifname, netns } = subject.attachment;
    const about = { network: network.name, cniVersion: network.cniVersion };
    const attachment = { containerId, ifname, netns: hasPod ? netns : null };
    return { file: '10-net.conf', ...about, attachment, warnings: [], ...explained };
  });

const text = async (...args: Parameters<typeof told>) => explanationText(await told(...args), paintFor(false, {}));
const wordsOf = (actions: readonly { words: string }[] | undefined) => actions?.map(({ words }) => words);

describe('an explanation', () => {
  it('of a bridge with host-local, on a host that has neither, is the whole story in words', async () => {
    expect(await text(bridge)).to.equal(`Network "mynet": 10-net.conf, CNI 0.2.0, one plugin
eth0 of container "example", in a new network namespace. Nothing is changed.

ADD
  1. bridge: joins the pod to a bridge on the host by a veth pair
       file  note the attachment in /nowhere/trestle/attachments
       ipam  host-local gives 10.22.0.2/16 (gateway 10.22.0.1)
       host  add bridge cni0 8e:37:bf:4c:57:07  (stays: others may use it)
       host  set net.ipv6.conf.cni0.accept_ra = 0  (stays: others may use it)
       host  set link cni0 up on  (stays: others may use it)
       host  add address 10.22.0.1/16 to cni0 nodad  (stays: others may use it)
       host  set net.ipv4.ip_forward = 1  (stays: others may use it)
       host  add veth vethhloug6hzikj peer eth0 (pod) c6:f8:f9:b5:49:05 master cni0 f6:e1:b7:51:eb:83
       host  set net.ipv6.conf.vethhloug6hzikj.disable_ipv6 = 1
       host  set link vethhloug6hzikj alias "trestle mynet example eth0", up on
       pod   set net.ipv6.conf.eth0.accept_dad = 0
       pod   set net.ipv4.conf.eth0.arp_notify = 1
       pod   add address 10.22.0.2/16 to eth0 nodad
       pod   set link eth0 up on
       pod   add route 0.0.0.0/0 via 10.22.0.1 dev eth0
       host  nft inet trestle_masquerade ensure 1 chain, 1 set, 1 rule; add 10.22.0.2 to @pods_mynet_pvi4sxmgup
       host  wait until vethhloug6hzikj carries traffic
       pod   announce the addresses of eth0 to its neighbours

DEL
  1. bridge
       host  nft inet trestle_masquerade remove 10.22.0.2 from @pods_mynet_pvi4sxmgup
       host  delete link vethhloug6hzikj if its MAC is f6:e1:b7:51:eb:83
       ipam  host-local releases 10.22.0.2/16
       file  remove the note in /nowhere/trestle/attachments
`);
  });

  it('has each step as it is planned, and the result that ADD would give', async () => {
    const { plugins, result, refusal } = await told(bridge);
    const [first] = plugins;
    const steps = first?.add.flatMap((action) => (action.kind === 'step' ? [action] : [])) ?? [];
    expect(steps.filter(({ shared }) => shared).map(({ step }) => step.op)).to.deep.equal([
      'link.add',
      'sysctl.set',
      'link.set',
      'addr.add',
      'sysctl.set',
    ]);
    expect(steps.find(({ shared }) => !shared)?.step).to.deep.include({
      op: 'link.add',
      ifExists: 'fail',
      master: 'cni0',
    });
    expect(first?.add[1]).to.deep.include({ kind: 'ipam', addresses: ['10.22.0.2/16'] });
    expect(result).to.deep.include({ cniVersion: '0.2.0' });
    expect(result?.ip4).to.deep.include({ ip: '10.22.0.2/16', gateway: '10.22.0.1' });
    expect(refusal).to.equal(undefined);
  });

  it('leaves out what the host has already', async () => {
    const there = linkFact({ name: 'cni0', kind: 'bridge', mac: '8e:37:bf:4c:57:07' });
    const { plugins } = await told(bridge, {
      'link host cni0': there,
      'addrs host cni0': [addrFact('10.22.0.1/16')],
      'sysctl host net/ipv4/ip_forward': '1',
    });
    expect(plugins[0]?.add.filter((action) => action.kind === 'step' && action.shared)).to.deep.equal([]);
  });

  it('plans the rest from the bridge that is yet to be made, as an ADD does', async () => {
    const { result } = await told({ ...bridge, cniVersion: '1.1.0', mtu: 1400 });
    const [device, host, pod] = (result?.interfaces ?? []) as object[];
    expect(device).to.deep.equal({ name: 'cni0', mac: '8e:37:bf:4c:57:07', mtu: 1400 });
    expect(host).to.deep.include({ mac: 'f6:e1:b7:51:eb:83', mtu: 1400 });
    expect(pod).to.include({ name: 'eth0', sandbox: '/run/netns/example' });
  });

  it('goes through a chain with each planned result as the next prevResult, and back in reverse', async () => {
    const chain = list(flat, { type: 'loopback' });
    const { plugins, result } = await told(chain);
    expect(plugins.map(({ type }) => type)).to.deep.equal(['bridge', 'loopback']);
    expect(result?.ips).to.deep.equal([{ address: '10.9.0.2/24', interface: 2 }]);
    expect(wordsOf(plugins[1]?.add)).to.deep.equal(['set link lo up on']);
    expect(wordsOf(plugins[1]?.del)).to.deep.equal(['set link lo up off']);
    const [, del = ''] = (await text(chain)).split('DEL, the plugins in reverse');
    expect(del.indexOf('loopback')).to.be.below(del.indexOf('bridge')).and.above(0);
  });

  it('says of a plugin of somebody else that nobody knows, and goes on', async () => {
    const { plugins, result } = await told(list({ type: 'bash' }, flat), {}, { path: ['/bin'] });
    expect(wordsOf(plugins[0]?.add)).to.deep.equal(['/bin/bash (not part of Trestle): what it does is not known']);
    expect(plugins[1]?.add).to.have.length.above(5);
    expect(result).to.equal(undefined);
  });

  it('stands documentation addresses in for an IPAM plugin that cannot be asked, and says so', async () => {
    const { plugins } = await told({ ...bridge, ipam: { type: 'bash' } }, {}, { path: ['/bin'] });
    expect(plugins[0]?.add[1]).to.deep.equal({
      kind: 'ipam',
      words:
        'bash gives an address; it is not part of Trestle and cannot be asked which: 192.0.2.2/24 (gateway 192.0.2.1) stands for it',
      addresses: ['192.0.2.2/24'],
      placeholder: true,
    });
    expect(wordsOf(plugins[0]?.del)).to.include('bash releases what it gave');
  });

  it('of an IPAM plugin alone is what it gives', async () => {
    const { plugins, result } = await told({ ...bridge, cniVersion: '1.0.0', type: 'host-local' });
    expect(wordsOf(plugins[0]?.add)).to.deep.equal(['host-local gives 10.22.0.2/16 (gateway 10.22.0.1)']);
    expect(wordsOf(plugins[0]?.del)).to.deep.equal(['host-local releases 10.22.0.2/16']);
    expect(result?.ips).to.deep.equal([{ address: '10.22.0.2/16', gateway: '10.22.0.1' }]);
  });

  for (const [title, config, facts, refusal] of [
    [
      'a configuration that no ADD takes',
      { ...flat, cniVersion: '1.0.0', name: 'net', mtu: '1500' },
      {},
      {
        code: 7,
        msg: 'plugin type="bridge" failed (add): invalid configuration: "mtu": expected 0 or a whole number from 68 to 65535, found "1500" (string)',
      },
    ],
    [
      "something else that has the bridge's name",
      { ...flat, cniVersion: '1.0.0', name: 'net' },
      { 'link host cni0': linkFact({ name: 'cni0', kind: 'dummy' }) },
      {
        code: 999,
        msg: 'plugin type="bridge" failed (add): "cni0" already exists but is not a bridge',
        details: 'it is a dummy device',
      },
    ],
    [
      'a version that cannot tell the result',
      { type: 'bridge', cniVersion: '0.2.0', name: 'net' },
      {},
      { code: 7, msg: 'plugin type="bridge" failed (add): cannot convert: no valid IP addresses' },
    ],
    [
      'a plugin that is not there',
      list({ type: 'nowhere' }),
      {},
      {
        code: 999,
        msg: 'plugin type="nowhere" failed (add): failed to find plugin "nowhere" in path [/nowhere/bin]',
      },
    ],
    [
      'an IPAM plugin that is not there',
      { ...bridge, ipam: { type: 'nowhere' } },
      {},
      {
        code: 999,
        msg: 'plugin type="bridge" failed (add): failed to find plugin "nowhere" in path [/nowhere/bin]',
      },
    ],
  ] as const) {
    it(`tells what an ADD answers to ${title}, and no steps`, async () => {
      const explained = await told(config, facts);
      expect(explained.refusal).to.deep.equal(refusal);
      expect(explained.plugins).to.have.length(1);
      expect(explained.plugins[0]).to.deep.include({ add: [], del: [], refusal });
      expect(explanationText(explained, paintFor(false, {}))).to.include(
        `refused  code ${refusal.code}: ${refusal.msg}`,
      );
    });
  }

  it('ends where an ADD would: what comes before is told, what comes after is not reached', async () => {
    const explained = await told(list({ type: 'loopback' }, { ...flat, mtu: 1 }, { type: 'loopback' }));
    expect(explained.plugins.map(({ refusal, notReached }) => refusal?.code ?? notReached)).to.deep.equal([
      undefined,
      7,
      true,
    ]);
    expect(explained.plugins[0]?.add).to.have.length(1);
    expect(explanationText(explained, paintFor(false, {}))).to.match(/3\. loopback[^\n]*\n +not reached\n/);
  });

  it('looks at the pod only where there is one', async () => {
    const facts = { 'link pod eth0': linkFact({}) };
    const config = { ...flat, cniVersion: '1.0.0', name: 'net' };
    expect((await told(config, facts)).refusal).to.equal(undefined);
    const { refusal } = await told(config, facts, { hasPod: true });
    expect(refusal?.msg).to.include('container veth name provided (eth0) already exists');
  });
});
