import { expect } from 'chai';
import { features, hasFeature } from '../support/needs';

describe('The kernel of the VM', () => {
  for (const feature of features) {
    it(`has ${feature}`, async () => {
      expect(await hasFeature(feature)).to.equal(true);
    });
  }
});
