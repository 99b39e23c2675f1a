import { createHash } from 'node:crypto';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { sha256 } from '../../../lib/plugin/sha256';

const reference = (text: string) => createHash('sha256').update(text).digest();

describe('sha256', () => {
  it('gives the digest of the standard for "abc"', () => {
    expect(sha256('abc').toString('hex')).to.equal('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('equals the digest of Node for texts of every length around the block size', () => {
    for (let length = 0; length <= 200; length++) {
      expect(sha256('é'.repeat(length))).to.deep.equal(reference('é'.repeat(length)));
    }
  });

  it('equals the digest of Node for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => sha256(text).equals(reference(text))),
    );
  });
});
