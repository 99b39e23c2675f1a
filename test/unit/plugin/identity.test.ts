import { expect } from 'chai';
import fc from 'fast-check';
import { base32, deviceMac, digest, identify } from '../../../lib/plugin/identity';

const key = { network: 'net', containerId: 'c1', ifname: 'eth0' };

describe('the identity of an attachment', () => {
  it('is the same on every run', () => {
    expect(identify(key, 'm')).to.deep.equal(identify({ ...key }, 'm'));
  });

  it('has a host end whose name the kernel takes: veth and 11 letters or digits', () => {
    expect(identify(key, 'm').hostEnd.name).to.match(/^veth[a-z2-7]{11}$/);
  });

  it('differs with network, container and interface, wherever one ends and the next begins', () => {
    const others = [
      { ...key, network: 'other' },
      { ...key, containerId: 'c2' },
      { ...key, ifname: 'eth1' },
      { network: 'netc', containerId: '1', ifname: 'eth0' },
    ];
    const names = [key, ...others].map((k) => identify(k, 'm').hostEnd.name);
    expect(new Set(names).size).to.equal(names.length);
  });

  it('keeps its name and changes its MACs from machine to machine', () => {
    const [a, b] = [identify(key, 'a'), identify(key, 'b')];
    expect(a.hostEnd.name).to.equal(b.hostEnd.name);
    expect([a.hostEnd.mac, a.podMac, deviceMac('cni0', 'a')]).not.to.include.members([
      b.hostEnd.mac,
      b.podMac,
      deviceMac('cni0', 'b'),
    ]);
  });

  it('has locally administered unicast MACs, of which no two are alike', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (containerId, machine) => {
        const { hostEnd, podMac } = identify({ ...key, containerId }, machine);
        for (const mac of [hostEnd.mac, podMac]) expect(mac).to.match(/^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/);
        expect(hostEnd.mac).not.to.equal(podMac);
      }),
    );
  });
});

describe('base32', () => {
  it('is that of RFC 4648, in lower case', () => {
    expect(base32(Buffer.from('foobar'), 8)).to.equal('mzxw6ytb');
    expect(base32(digest('x'), 32)).to.have.length(32);
  });
});
