import { expect } from 'chai';
import { CniError, ErrorCode, errorReport } from '../../../lib/cni/errors';

const reported = (error: unknown) => JSON.parse(errorReport(error));

describe('errorReport', () => {
  it('prints code and msg in the layout of the reference, without cniVersion', () => {
    expect(errorReport(new CniError(7, 'missing network name'))).to.equal(
      '{\n    "code": 7,\n    "msg": "missing network name"\n}',
    );
  });

  it('prints details when there are some', () => {
    expect(reported(new CniError(4, 'invalid characters in containerID', '-x'))).to.deep.equal({
      code: 4,
      msg: 'invalid characters in containerID',
      details: '-x',
    });
  });

  it('makes 999 of an error of any other kind, with its message and no stack', () => {
    expect(reported(new TypeError('x is not a function'))).to.deep.equal({ code: 999, msg: 'x is not a function' });
  });

  it('takes whatever was thrown', () => {
    expect(reported('text')).to.deep.equal({ code: 999, msg: 'text' });
    expect(reported(undefined)).to.deep.equal({ code: 999, msg: 'undefined' });
    expect(reported(new Error(''))).to.deep.equal({ code: 999, msg: 'unknown error' });
  });

  it('quotes no more of what a caller has sent than fits into a log', () => {
    const { msg, details } = reported(new CniError(7, `no "${'x'.repeat(1_000_000)}"`, 'y'.repeat(5000)));
    expect(msg)
      .to.match(/^no "x+… \(1000005 characters\)$/)
      .and.to.have.lengthOf.below(4200);
    expect(details)
      .to.match(/^y+… \(5000 characters\)$/)
      .and.to.have.lengthOf.below(4200);
    expect(reported(new CniError(7, 'z'.repeat(4096))).msg).to.equal('z'.repeat(4096));
  });

  it('appends the chain of causes', () => {
    const error = new Error('add pod', { cause: new Error('add link', { cause: new Error('EEXIST') }) });
    expect(reported(error).msg).to.equal('add pod: add link: EEXIST');
  });

  it('leaves out a cause that the wrapper quotes already', () => {
    const cause = new Error('File exists');
    expect(reported(new Error('add link veth1: File exists', { cause })).msg).to.equal('add link veth1: File exists');
  });

  it('takes code and details from a cause when the wrapper has none', () => {
    const error = new Error('ipam', { cause: new CniError(ErrorCode.tryAgainLater, 'locked', 'by 17') });
    expect(reported(error)).to.deep.equal({ code: 11, msg: 'ipam: locked', details: 'by 17' });
  });

  it('names every error of several', () => {
    const error = new AggregateError([new Error('one'), new CniError(7, 'two')], 'GC');
    expect(reported(error).msg).to.equal('GC: one; two');
  });

  it('ends where a chain of causes runs in a circle', () => {
    const error = new Error('a');
    error.cause = new Error('b', { cause: error });
    expect(reported(error).msg).to.equal('a: b');
  });
});
