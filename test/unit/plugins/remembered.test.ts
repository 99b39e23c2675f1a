import { expect } from 'chai';
import { remembered } from '../../../lib/plugins/remembered';

describe('what is remembered', () => {
  it('is made once for a key', () => {
    const made: number[] = [];
    const of = remembered(String, (n: number) => ({ n, nth: made.push(n) }));
    expect(of(1)).to.equal(of(1));
    expect(of(2)).to.not.equal(of(1));
    expect(made).to.deep.equal([1, 2]);
  });

  it('is forgotten before it is too much', () => {
    const made: number[] = [];
    const of = remembered(String, (n: number) => ({ n, nth: made.push(n) }));
    for (let n = 0; n < 100; n++) of(n);
    of(99);
    expect(made).to.have.lengthOf(100);
    of(0);
    expect(made).to.have.lengthOf(101);
  });
});
