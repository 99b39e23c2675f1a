import { expect } from 'chai';
import type { NftBatch, NftElements } from '../../../lib/kernel/contract';
import { useNamespaces } from './support';

const inTable = { ns: 'host', family: 'inet', table: 'ports' } as const;
const batch = { op: 'nft.batch', ...inTable } as const;
const ensure: NonNullable<NftBatch['ensure']> = {
  comment: 'ports 1',
  chains: [],
  sets: [
    { name: 'ports', key: 'inet_proto . inet_service', data: 'ipv4_addr . inet_service', comment: '' },
    { name: 'plain', key: 'inet_proto . inet_service', comment: '' },
  ],
  rules: [],
};
const key = 'udp . 53';

describe('nft.batch that adds to a map', () => {
  const ns = useNamespaces();
  const elements = (set = 'ports') => ns.ask({ query: 'nft.elements', ...inTable, set });
  const of = (comment: string, rest: Partial<NftElements> = {}): NftElements => ({
    set: 'ports',
    keys: [key],
    data: '10.1.2.3 . 53',
    comment,
    ...rest,
  });
  beforeEach(() => ns.apply({ ...batch, ensure, add: [of('first')] }));

  it('puts other data, and another comment, in place of what is there', async () => {
    for (const add of [of('first', { data: '10.1.2.4 . 53' }), of('second')]) {
      expect((await ns.apply({ ...batch, add: [add] }))[0]).to.deep.include({ did: 'created', added: [add] });
      expect(await elements()).to.deep.equal([{ key, data: add.data, comment: add.comment }]);
      expect((await ns.apply({ ...batch, add: [add] }))[0]).to.deep.include({ did: 'kept', added: [] });
    }
  });

  it('leaves a taken element, adds nothing else, and says who has it', async () => {
    const add = [of('second', { keys: ['udp . 54', key], ifTaken: 'fail' }), of('second', { set: 'plain' })];
    const { faults, outcomes } = await ns.attempt({ ...batch, add });
    expect(outcomes).to.deep.equal([]);
    expect(faults[0]).to.include({
      op: 'add elements to set inet ports ports',
      errno: 'EEXIST',
      message: 'inet ports ports has udp . 53 for "first"',
      extack: 'first',
    });
    expect(await elements()).to.deep.equal([{ key, data: '10.1.2.3 . 53', comment: 'first' }]);
    expect(await elements('plain')).to.deep.equal([]);
  });

  it('takes one without a comment for taken, too', async () => {
    await ns.apply({ ...batch, add: [of('', { keys: ['tcp . 1'] })] });
    const { faults } = await ns.attempt({ ...batch, add: [of('second', { keys: ['tcp . 1'], ifTaken: 'fail' })] });
    expect(faults[0]).to.include({ errno: 'EEXIST', extack: '' });
  });

  it('keeps or changes what bears the same comment', async () => {
    expect((await ns.apply({ ...batch, add: [of('first', { ifTaken: 'fail' })] }))[0]?.did).to.equal('kept');
    const add = of('first', { data: '10.1.2.9 . 53', ifTaken: 'fail' });
    expect((await ns.apply({ ...batch, add: [add] }))[0]?.added?.[0]).to.include({ data: '10.1.2.9 . 53' });
    expect(await elements()).to.deep.equal([{ key, data: '10.1.2.9 . 53', comment: 'first' }]);
  });

  it('removes an element whatever it is mapped to, unless it is another’s', async () => {
    await ns.apply({ ...batch, remove: [of('second')] });
    expect(await elements()).to.have.length(1);
    await ns.apply({ ...batch, remove: [of('first', { data: '10.9.9.9 . 9' })] });
    expect(await elements()).to.deep.equal([]);
  });

  for (const set of ['ports', 'plain'])
    it(`gives what thirty want at once to one of them, and tells the others who (${set})`, async () => {
      for (let round = 0; round < 10; round++) {
        const keys = [`tcp . ${round}`, `udp . ${1000 + round}`];
        const data = set === 'ports' ? { data: '10.1.2.3 . 80' } : {};
        const attempts = Array.from({ length: 30 }, (_, i) =>
          ns.attempt({ ...batch, add: [{ set, keys, ...data, comment: `pod ${i}`, ifTaken: 'fail' }] }),
        );
        const ends = await Promise.all(attempts);
        const [holder, ...more] = ends.flatMap(({ faults }, i) => (faults.length === 0 ? [`pod ${i}`] : []));
        expect(more).to.deep.equal([]);
        const faults = ends.flatMap((end) => end.faults.map(({ errno, extack }) => `${errno} ${extack}`));
        expect(faults).to.deep.equal(Array(29).fill(`EEXIST ${holder}`));
        expect((await elements(set))?.filter((element) => element.comment === holder)).to.have.length(2);
        await ns.apply({ ...batch, remove: [{ set, keys }] });
      }
    });

  it('puts the data of one of thirty there that may all replace', async () => {
    const replaced = Array.from({ length: 30 }, (_, i) => of(`pod ${i}`, { data: `10.1.2.${i} . 53` }));
    await ns.apply({ ...batch, remove: [of('first')] });
    const ends = await Promise.all(replaced.map((add) => ns.attempt({ ...batch, add: [add] })));
    expect(ends.flatMap(({ faults }) => faults)).to.deep.equal([]);
    const [last] = (await elements()) ?? [];
    expect(last?.data).to.equal(`10.1.2.${last?.comment.slice(4)} . 53`);
  });
});
