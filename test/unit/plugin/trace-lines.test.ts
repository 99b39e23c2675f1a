import { expect } from 'chai';
import { CniError } from '../../../lib/cni/errors';
import type { Applied, Step } from '../../../lib/kernel/contract';
import { endLine, execLine, ipamLine, stepLines } from '../../../lib/plugin/trace-lines';

const up: Step = { op: 'link.set', ns: 'pod', name: 'eth0', up: true };
const wait: Step = { op: 'link.wait', ns: 'host', name: 'veth0', timeoutMs: 5000 };
const gone: Step = { op: 'link.delete', ns: 'host', name: 'veth0', ifMissing: 'keep' };
const fault = { op: '', errno: 'ETIMEDOUT', code: 110, message: 'Connection timed out', extack: 'no carrier' };
const applied = (result: Partial<Applied>): Applied => ({ outcomes: [], faults: [], ...result });

describe('a line of the trace', () => {
  it('of a step has its namespace, what it is, its outcome and its time', () => {
    expect(stepLines([up], applied({ outcomes: [{ did: 'changed', us: 1234 }] }))).to.deep.equal([
      'pod   set link eth0 up on  changed  1.23 ms',
    ]);
  });

  it("of a failed step has errno, the kernel's text and explanation; what was never tried has none", () => {
    const failed = applied({
      outcomes: [{ did: 'kept', us: 10 }],
      faults: [{ ...fault, step: 1, us: 5_000_123 }],
    });
    expect(stepLines([up, wait, gone], failed)).to.deep.equal([
      'pod   set link eth0 up on  kept  0.01 ms',
      'host  wait until veth0 carries traffic  FAILED ETIMEDOUT: Connection timed out: no carrier  5000.12 ms',
    ]);
  });

  it('of a removal that goes on past a fault is there for each step', () => {
    const removed = applied({
      outcomes: [null, { did: 'deleted', us: 20_000 }],
      faults: [{ ...fault, step: 0, us: 1 }],
    });
    expect(stepLines([gone, gone], removed).map((line) => line.split('  ').at(-2))).to.deep.equal([
      'FAILED ETIMEDOUT: Connection timed out: no carrier',
      'deleted',
    ]);
  });

  it('of an undone step says so', () => {
    expect(stepLines([gone], applied({ outcomes: [{ did: 'deleted', us: 0 }] }), true)).to.deep.equal([
      'host  undo: delete link veth0  deleted  0.00 ms',
    ]);
  });

  it('of an IPAM plugin has the addresses that it gave or released', () => {
    const done = { type: 'host-local', us: 900 };
    const addresses = ['10.1.2.3/24', 'fd00::3/64'];
    expect(ipamLine({ ...done, command: 'ADD', addresses })).to.equal(
      'ipam  host-local ADD: 10.1.2.3/24, fd00::3/64  got  0.90 ms',
    );
    expect(ipamLine({ ...done, command: 'DEL', addresses: ['10.1.2.3'] })).to.equal(
      'ipam  host-local DEL: 10.1.2.3  released  0.90 ms',
    );
    expect(ipamLine({ ...done, command: 'DEL', addresses: [] })).to.equal('ipam  host-local DEL  done  0.90 ms');
    expect(ipamLine({ ...done, command: 'ADD', addresses: [], error: new CniError(11, 'full', 'again') })).to.equal(
      'ipam  host-local ADD  FAILED code 11: full; again  0.90 ms',
    );
  });

  it('of a program has its path, the command and how it ended', () => {
    expect(execLine({ program: '/opt/cni/bin/dhcp', command: 'ADD', status: 'exit status 1', us: 12_000 })).to.equal(
      'exec  /opt/cni/bin/dhcp ADD  exit status 1  12.00 ms',
    );
  });

  it('at the end has what the runtime is told: code, message and details', () => {
    expect(endLine('ADD', 57_000)).to.equal('end   ADD  done  57.00 ms');
    expect(endLine('ADD', 1000, new CniError(7, 'no', 'because'))).to.equal(
      'end   ADD  FAILED code 7: no; because  1.00 ms',
    );
    expect(endLine('ADD', 1000, new Error('strange'))).to.equal('end   ADD  FAILED code 999: strange  1.00 ms');
  });

  it('is one line of printable text in fields, whatever an error quotes', () => {
    const hostile = 'a\nend   ADD  done\r\n\u001b[31m red\u2028 \u0085b';
    expect(endLine('ADD', 0, new CniError(7, hostile))).to.equal(
      'end   ADD  FAILED code 7: a end ADD done [31m red b  0.00 ms',
    );
  });
});
