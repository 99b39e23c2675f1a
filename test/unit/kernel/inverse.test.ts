import { expect } from 'chai';
import type { Outcome, Step } from '../../../lib/kernel/contract';
import { inverse, rollback } from '../../../lib/kernel/inverse';

const created = (more: Partial<Outcome> = {}): Outcome => ({ did: 'created', us: 1, ...more });
const changed = (previous: NonNullable<Outcome['previous']>): Outcome => ({ did: 'changed', us: 1, previous });

const addPair: Step = {
  op: 'link.add',
  ns: 'host',
  name: 'v',
  link: { kind: 'veth', peer: { ns: 'pod', name: 'eth0' } },
  ifExists: 'fail',
};
const addAddress: Step = { op: 'addr.add', ns: 'pod', link: 'eth0', address: '10.0.0.2/24', ifExists: 'keep' };
const addElements: Step = {
  op: 'nft.batch',
  ns: 'host',
  family: 'inet',
  table: 't',
  add: [{ set: 's', keys: ['10.0.0.2', '10.0.0.3'] }],
};

describe('the inverse of a step', () => {
  const cases: [string, Step, Outcome, Step | undefined][] = [
    [
      'deletes a link by the ifindex it created',
      addPair,
      created({ ifindex: 9 }),
      { op: 'link.delete', ns: 'host', name: 'v', ifindex: 9, ifMissing: 'keep' },
    ],
    ['leaves what was only kept', addPair, { did: 'kept', us: 1, ifindex: 9 }, undefined],
    [
      'sets a link back to what it was, and only what was changed',
      { op: 'link.set', ns: 'host', name: 'v', up: true, mtu: 1400 },
      changed({ up: false }),
      { op: 'link.set', ns: 'host', name: 'v', up: false },
    ],
    [
      'removes an address',
      addAddress,
      created(),
      { op: 'addr.delete', ns: 'pod', link: 'eth0', address: '10.0.0.2/24', ifMissing: 'keep' },
    ],
    [
      'gives a removed address back',
      { op: 'addr.delete', ns: 'host', link: 'b', address: '10.0.0.1/24', ifMissing: 'keep' },
      { did: 'deleted', us: 1 },
      { op: 'addr.add', ns: 'host', link: 'b', address: '10.0.0.1/24', nodad: true, ifExists: 'keep' },
    ],
    [
      'writes the value back that a sysctl had',
      { op: 'sysctl.set', ns: 'pod', key: 'net/x', value: '1', ifMissing: 'keep' },
      changed({ value: '0' }),
      { op: 'sysctl.set', ns: 'pod', key: 'net/x', value: '0', ifMissing: 'keep' },
    ],
    [
      'takes out the elements that it really put in, and no table, chain, set or rule',
      addElements,
      created({ added: [{ set: 's', keys: ['10.0.0.3'] }] }),
      { op: 'nft.batch', ns: 'host', family: 'inet', table: 't', remove: [{ set: 's', keys: ['10.0.0.3'] }] },
    ],
    ['leaves a batch that added nothing', addElements, created({ added: [] }), undefined],
    [
      'needs nothing for a route, which goes with its link',
      { op: 'route.add', ns: 'pod', link: 'eth0', dst: '0.0.0.0/0', ifExists: 'keep' },
      created(),
      undefined,
    ],
    [
      'needs nothing for a wait',
      { op: 'link.wait', ns: 'host', name: 'v', timeoutMs: 1 },
      { did: 'changed', us: 1 },
      undefined,
    ],
  ];
  for (const [title, step, outcome, expected] of cases)
    it(title, () => expect(inverse(step, outcome)).to.deep.equal(expected));
});

describe('a rollback', () => {
  it('undoes what was done, last first, and not what was never reached', () => {
    const steps = rollback([addPair, addAddress, addElements], [created({ ifindex: 3 }), created()]);
    expect(steps.map(({ op }) => op)).to.deep.equal(['addr.delete', 'link.delete']);
  });

  it('ends what the pod answers, once nothing leads there any more', () => {
    const flow = { family: 'ip', protocol: 'udp', port: 8080 } as const;
    const flush: Step = { op: 'conntrack.flush', ns: 'host', flows: [{ ...flow, notAnsweredBy: '10.0.0.2' }] };
    const added = created({ added: [{ set: 's', keys: ['udp . 8080'] }] });
    const steps = rollback([addElements, flush], [added, { did: 'kept', us: 1 }]);
    expect(steps.map(({ op }) => op)).to.deep.equal(['nft.batch', 'conntrack.flush']);
    expect(steps[1]).to.deep.include({ flows: [{ ...flow, answeredBy: '10.0.0.2' }] });
    expect(rollback([addElements, flush], [added, null])).to.have.length(1);
  });
});
