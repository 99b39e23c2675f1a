import { expect } from 'chai';
import { decodeConfig } from '../../../lib/cni/decode';
import { errorOf, worked } from './support';

const decode = (text: string) => decodeConfig(Buffer.from(text));
const refused = 'error unmarshall network config: ';

describe('the text of a configuration', () => {
  it('may be nested 256 levels deep and no further', async () => {
    const nested = (levels: number) => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
    expect(decode(nested(256))).to.have.property('a');
    expect(await errorOf(() => decode(nested(257)))).to.include({
      code: 6,
      msg: `${refused}nested deeper than 256 levels`,
    });
  });

  for (const [what, text] of [
    ['lists', '['.repeat(16_000_000)],
    ['lists that are closed', '['.repeat(8_000_000) + ']'.repeat(8_000_000)],
    ['objects', '{"a":'.repeat(3_000_000)],
  ] as const) {
    it(`is refused at once when it is megabytes of nested ${what}`, async () => {
      const began = worked();
      const { code, msg } = await errorOf(() => decode(text));
      expect({ code, msg }).to.deep.equal({ code: 6, msg: `${refused}nested deeper than 256 levels` });
      expect(worked() - began).to.be.below(2000);
    });
  }

  it('is read as a whole when brackets are only in its strings', () => {
    const text = `${'[{'.repeat(300)}\\"[`;
    expect(decode(`{"a":"${text}"}`)).to.deep.equal({ a: `${'[{'.repeat(300)}"[` });
  });

  it('is refused when a string has no end, or ends within an escape', async () => {
    for (const text of ['{"a', '{"a\\', '{"a":"\\u00', '"'.repeat(1_000_001)]) {
      const { code, msg } = await errorOf(() => decode(text));
      expect({ code, begins: msg.slice(0, refused.length) }).to.deep.equal({ code: 6, begins: refused });
    }
  });

  it('is refused for NUL in a string, in a key too, and taken for a backslash before "u0000"', async () => {
    for (const text of ['{"a":"x\\u0000"}', '{"\\u0000":1}']) {
      expect(await errorOf(() => decode(text))).to.include({ code: 6, msg: `${refused}a string contains NUL` });
    }
    expect(decode('{"a":"\\\\u0000"}')).to.deep.equal({ a: '\\u0000' });
  });

  it('is refused above 16 MiB', async () => {
    const text = ' '.repeat(16 * 1024 * 1024 + 1);
    expect((await errorOf(() => decode(text))).msg).to.match(/the configuration has more than 16777216 bytes$/);
  });
});
