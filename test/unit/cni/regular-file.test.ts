import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { appendToRegularFile, readRegularFile } from '../../../lib/cni/regular-file';

describe('a file that a configuration names', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'regular-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const file = (text: string) => {
    writeFileSync(join(folder, 'file'), text);
    return join(folder, 'file');
  };
  const fifo = () => {
    execFileSync('mkfifo', [join(folder, 'fifo')]);
    return join(folder, 'fifo');
  };

  it('is read up to its end, by way of links, also where it does not tell its size', () => {
    symlinkSync(file('nameserver ä'), join(folder, 'link'));
    expect(readRegularFile(join(folder, 'link'), 100)).to.equal('nameserver ä');
    expect(readRegularFile('/proc/version', 1000)).to.equal(readFileSync('/proc/version', 'utf8'));
    expect(readRegularFile(file(''), 100)).to.equal('');
  });

  it('is read if it has as many bytes as are allowed, and not with one more', () => {
    expect(readRegularFile(file('12345'), 5)).to.equal('12345');
    expect(() => readRegularFile(file('123456'), 5)).to.throw('/file has more than 5 bytes');
    truncateSync(file(''), 2 ** 40);
    expect(() => readRegularFile(join(folder, 'file'), 5)).to.throw('/file has more than 5 bytes');
  });

  it('is neither read nor written when it is a fifo, a device or a folder', () => {
    const notRegular = /is not a regular file$/;
    for (const path of [fifo(), '/dev/zero', '/dev/null', folder]) {
      expect(() => readRegularFile(path, 100), path).to.throw(notRegular);
    }
    expect(() => appendToRegularFile('/dev/null', 'x')).to.throw(notRegular);
    expect(() => appendToRegularFile(join(folder, 'fifo'), 'x')).to.throw(/ENXIO/);
    expect(() => appendToRegularFile(folder, 'x')).to.throw(/EISDIR/);
  });

  it('is appended to, and made for its owner alone', () => {
    const path = join(folder, 'trace');
    appendToRegularFile(path, 'one\n');
    appendToRegularFile(path, 'two\n');
    expect(readFileSync(path, 'utf8')).to.equal('one\ntwo\n');
    expect(statSync(path).mode & 0o777).to.equal(0o600);
  });
});
