import { expect } from 'chai';
import { parseList, parseSingle } from '../../../../lib/cni/runtime/network';

const plugins = [{ type: 'bridge' }];
const list = (json: object) => parseList({ name: 'a', plugins, ...json }, Buffer.from('{}'));

describe('A configuration list', () => {
  const versions: Record<string, [json: object, version: string]> = {
    'its own': [{ cniVersion: '0.4.0' }, '0.4.0'],
    none: [{}, ''],
    'the highest that it offers': [{ cniVersions: ['0.4.0', '1.1.0', '1.0.0'] }, '1.1.0'],
    'its own, if that is higher than what else it offers': [{ cniVersion: '1.0.0', cniVersions: ['0.3.1'] }, '1.0.0'],
    'the highest that is not beyond us': [{ cniVersion: '1.0.0', cniVersions: ['2.0.0', '1.1.0'] }, '1.1.0'],
    'what it says, if that is beyond us': [{ cniVersion: '2.0.0' }, '2.0.0'],
  };
  for (const [title, [json, version]] of Object.entries(versions)) {
    it(`has as its version ${title}`, () => {
      expect(list(json).cniVersion).to.equal(version);
    });
  }

  for (const key of ['disableCheck', 'disableGC'] as const) {
    it(`takes ${key} as a boolean and as a word`, () => {
      const given = [true, 'true', 'True', false, 'FALSE', undefined].map((value) => list({ [key]: value })[key]);
      expect(given).to.deep.equal([true, true, true, false, false, false]);
    });
  }

  it('takes its own keys as they are spelled, those of its plugins in any case', () => {
    const parsed = list({ DisableCheck: true, plugins: [{ TYPE: 'bridge' }] });
    expect([parsed.disableCheck, parsed.plugins[0]?.type]).to.deep.equal([false, 'bridge']);
  });
});

describe('A plugin in a file of its own', () => {
  it('is kept as a list of one', () => {
    const config = { cniVersion: '0.3.1', Name: 'a', type: 'bridge', mtu: 1400 };
    const { bytes, ...network } = parseSingle(config);
    expect(network).to.deep.equal({
      name: 'a',
      cniVersion: '0.3.1',
      disableCheck: false,
      disableGC: false,
      plugins: [{ type: 'bridge', config }],
    });
    expect(JSON.parse(bytes.toString())).to.deep.equal({ cniVersion: '0.3.1', name: 'a', plugins: [config] });
  });
});
