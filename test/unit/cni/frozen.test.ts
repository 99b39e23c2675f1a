import { expect } from 'chai';
import * as v from 'valibot';
import { parseConfig } from '../../../lib/cni/config';
import { frozen, onceIfFrozen } from '../../../lib/cni/frozen';

describe('What cannot change any more', () => {
  it('is so at every level', () => {
    const value = frozen({ a: [{ b: 'c' }], d: 5n, e: null, f: undefined });
    expect(() => value.a.push({ b: 'x' })).to.throw(TypeError);
    expect(() => Object.assign(value.a[0] as object, { b: 'x' })).to.throw(TypeError);
    expect(() => Object.assign(value, { g: 1 })).to.throw(TypeError);
    expect(value).to.deep.equal({ a: [{ b: 'c' }], d: 5n, e: null, f: undefined });
  });

  it('is worked out once, and what was worked out cannot change either; anything else each time', () => {
    let worked = 0;
    const double = onceIfFrozen(({ of }: { of: number }) => ({ number: of * 2, tries: ++worked }));
    const fixed = frozen({ of: 2 });
    expect(double(fixed)).to.equal(double(fixed));
    expect(double(fixed)).to.deep.equal({ number: 4, tries: 1 });
    expect(() => Object.assign(double(fixed), { number: 5 })).to.throw(TypeError);
    const open = { of: 3 };
    expect(double(open)).to.deep.equal({ number: 6, tries: 2 });
    open.of = 4;
    expect(double(open)).to.deep.equal({ number: 8, tries: 3 });
  });

  it('is found wrong each time, with the same words', () => {
    const schema = v.object({ mtu: v.number() });
    const raw = frozen({ mtu: 'x' });
    for (let i = 0; i < 2; i++) expect(() => parseConfig(schema, raw)).to.throw('"mtu": expected a number, found "x"');
  });

  it('means to each schema what that makes of it', () => {
    const raw = frozen({ name: 'net', mtu: 1500 });
    const [one, other] = [v.object({ mtu: v.number() }), v.object({ name: v.string() })];
    expect([parseConfig(one, raw), parseConfig(other, raw)]).to.deep.equal([{ mtu: 1500 }, { name: 'net' }]);
    expect(parseConfig(one, raw)).to.equal(parseConfig(one, raw));
  });
});
