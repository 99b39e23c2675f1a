import { expect } from 'chai';
import { knownArgs, parseArgs } from '../../../lib/cni/args';
import { errorOf } from './support';

describe('CNI_ARGS', () => {
  it('keeps the text and the order of the pairs', () => {
    expect(parseArgs('B=1;A=;B=2')).to.deep.equal({
      text: 'B=1;A=;B=2',
      pairs: [
        ['B', '1'],
        ['A', ''],
        ['B', '2'],
      ],
    });
  });

  it('has no pairs when it is empty', () => {
    expect(parseArgs('').pairs).to.deep.equal([]);
  });

  for (const [text, pair] of [
    ['FOO', '"FOO"'],
    ['A=1;', '""'],
    ['A=1;B=2=3', '"B=2=3"'],
  ] as const) {
    it(`refuses the pair ${pair} of ${text} as the reference does`, async () => {
      expect(await errorOf(() => parseArgs(text))).to.include({ code: 4, msg: `ARGS: invalid pair ${pair}` });
    });
  }

  it('gives a plugin the arguments that it knows, the last of each name', () => {
    expect(knownArgs(parseArgs('IP=10.1.2.3;MAC=x;IP=10.1.2.4'), ['IP', 'MAC'])).to.deep.equal({
      IP: '10.1.2.4',
      MAC: 'x',
    });
  });

  it('refuses arguments that a plugin does not know', async () => {
    expect(await errorOf(() => knownArgs(parseArgs('FOO=1;IP=x;BAR='), ['IP']))).to.include({
      code: 4,
      msg: 'ARGS: unknown args ["FOO=1" "BAR="]',
    });
  });

  it('knows names only in their exact case', async () => {
    expect((await errorOf(() => knownArgs(parseArgs('ip=x'), ['IP']))).msg).to.equal('ARGS: unknown args ["ip=x"]');
  });

  for (const value of ['1', 'true', 'TRUE']) {
    it(`ignores unknown arguments with IgnoreUnknown=${value}`, () => {
      expect(knownArgs(parseArgs(`K8S_POD_NAME=p;IgnoreUnknown=${value};IP=x`), ['IP'])).to.deep.equal({ IP: 'x' });
    });
  }

  it('does not ignore them with IgnoreUnknown=0', async () => {
    expect((await errorOf(() => knownArgs(parseArgs('IgnoreUnknown=0;A=1'), []))).msg).to.contain('"A=1"');
  });

  it('refuses an IgnoreUnknown that is no truth value', async () => {
    expect((await errorOf(() => knownArgs(parseArgs('IgnoreUnknown=yes'), []))).msg).to.equal(
      'ARGS: error parsing value of pair "IgnoreUnknown=yes": boolean unmarshal error: invalid input yes',
    );
  });
});
