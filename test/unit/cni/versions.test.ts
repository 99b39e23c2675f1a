import { expect } from 'chai';
import { isAtLeast, supportedVersions, versionReport } from '../../../lib/cni/versions';

describe('versions', () => {
  it('VERSION prints the newest version and all supported ones on one line', () => {
    expect(versionReport()).to.equal(
      '{"cniVersion":"1.1.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}\n',
    );
  });

  it('VERSION of a plugin with fewer versions prints those', () => {
    expect(JSON.parse(versionReport(['0.4.0', '1.0.0'])).supportedVersions).to.deep.equal(['0.4.0', '1.0.0']);
  });

  it('compares versions by age', () => {
    const fromCheckOn = supportedVersions.filter((version) => isAtLeast(version, '0.4.0'));
    expect(fromCheckOn).to.deep.equal(['0.4.0', '1.0.0', '1.1.0']);
  });
});
