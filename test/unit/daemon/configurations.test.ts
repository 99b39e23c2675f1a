import { expect } from 'chai';
import { newConfigurations } from '../../../lib/daemon/configurations';

const text = (config: unknown): Buffer => Buffer.from(JSON.stringify(config));

describe('The configurations that a daemon is sent', () => {
  const decode = newConfigurations();

  it('are decoded once as long as they come with one and the same text, and then cannot change', () => {
    const config = { name: 'net', ipam: { ranges: [[{ subnet: '10.1.2.0/24' }]] }, umlaut: 'ü' };
    const first = decode(text(config));
    expect(first).to.deep.equal(config);
    expect(decode(text(config))).to.equal(first);
    expect(() => Object.assign(first?.ipam as object, { ranges: [] })).to.throw(TypeError);
    expect(decode(text({ ...config, name: 'other' }))).to.deep.equal({ ...config, name: 'other' });
  });

  it('are each what they are, however like another they look', () => {
    const pairs = [
      [{ a: 'ü' }, { a: 'Ã¼' }],
      [{ a: 1 }, { a: '1' }],
      [{ a: [] }, { a: {} }],
    ];
    for (const pair of pairs) expect(pair.map((config) => decode(text(config)))).to.deep.equal(pair);
  });

  it('are not kept where they have a result of one pod, in whatever case, or are long', () => {
    for (const config of [{ prevResult: {} }, { PREVRESULT: {} }, { long: 'x'.repeat(16 * 1024) }]) {
      const first = decode(text(config));
      expect(first).to.deep.equal(config);
      expect(decode(text(config))).to.not.equal(first);
    }
  });

  it('are nothing where they cannot be decoded', () => {
    for (const bytes of ['', '{', '[]', '5', '\xff'])
      expect(decode(Buffer.from(bytes, 'latin1')), bytes).to.equal(undefined);
  });

  it('are forgotten before they become too many', () => {
    const first = decode(text({ network: 0 }));
    for (let network = 1; network < 200; network++) decode(text({ network }));
    const again = decode(text({ network: 0 }));
    expect(again).to.deep.equal(first);
    expect(again).to.not.equal(first);
  });
});
