import { expect } from 'chai';
import type { Step } from '../../../lib/kernel/contract';
import { footprintOf, removalOf } from '../../../lib/plugin/footprint';

const steps: Step[] = [
  {
    op: 'link.add',
    ns: 'host',
    name: 'v',
    mac: '02:00:00:00:00:01',
    link: { kind: 'veth', peer: { ns: 'pod', name: 'eth0' } },
    ifExists: 'fail',
  },
  { op: 'addr.add', ns: 'pod', link: 'eth0', address: '10.0.0.2/24', ifExists: 'keep' },
  { op: 'nft.batch', ns: 'host', family: 'inet', table: 't', add: [{ set: 's', keys: ['10.0.0.2'] }] },
];

describe('the footprint of a plan', () => {
  it('is the links it makes and the elements it adds', () => {
    expect(footprintOf(steps)).to.deep.equal({
      links: [{ ns: 'host', name: 'v', mac: '02:00:00:00:00:01' }],
      elements: [{ family: 'inet', table: 't', sets: [{ set: 's', keys: ['10.0.0.2'] }] }],
    });
  });

  it('is removed last of all where it was there before the links', () => {
    const guard: Step = { op: 'nft.batch', ns: 'host', family: 'bridge', table: 'g', add: [{ set: 's', keys: ['v'] }] };
    const footprint = footprintOf([guard, ...steps]);
    expect(footprint.elements).to.deep.equal([
      { family: 'bridge', table: 'g', sets: [{ set: 's', keys: ['v'] }], afterLinks: true },
      { family: 'inet', table: 't', sets: [{ set: 's', keys: ['10.0.0.2'] }] },
    ]);
    expect(removalOf(footprint)).to.deep.equal([
      { op: 'nft.batch', ns: 'host', family: 'inet', table: 't', remove: [{ set: 's', keys: ['10.0.0.2'] }] },
      { op: 'link.delete', ns: 'host', name: 'v', mac: '02:00:00:00:00:01', ifMissing: 'keep' },
      { op: 'nft.batch', ns: 'host', family: 'bridge', table: 'g', remove: [{ set: 's', keys: ['v'] }] },
    ]);
  });

  it('is removed elements first, and a link only if it still has the MAC', () => {
    expect(removalOf(footprintOf(steps))).to.deep.equal([
      { op: 'nft.batch', ns: 'host', family: 'inet', table: 't', remove: [{ set: 's', keys: ['10.0.0.2'] }] },
      { op: 'link.delete', ns: 'host', name: 'v', mac: '02:00:00:00:00:01', ifMissing: 'keep' },
    ]);
  });
});
