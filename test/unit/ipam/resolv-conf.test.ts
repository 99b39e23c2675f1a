import { expect } from 'chai';
import { parseResolvConf } from '../../../lib/ipam/resolv-conf';

describe('resolv.conf', () => {
  it('is read with its name servers in their order, white space or not', () => {
    expect(parseResolvConf('\n\t\tnameserver 192.0.2.0\n\t\tnameserver\t192.0.2.1  \n\t\t')).to.deep.equal({
      nameservers: ['192.0.2.0', '192.0.2.1'],
    });
  });

  it('is read without its comments, unknown keywords and keywords that say nothing', () => {
    const text = 'nameserver 192.0.2.0\n;nameserver 192.0.2.1\n# nameserver 192.0.2.2\nsortlist 1.2.3.4\nsearch\n';
    expect(parseResolvConf(text)).to.deep.equal({ nameservers: ['192.0.2.0'] });
  });

  it('is read with all that a result can carry, lists joined', () => {
    const text = [
      'nameserver 192.0.2.0',
      'nameserver 192.0.2.2',
      'domain example.com',
      'search example.net example.org',
      'search example.gov',
      'options one two three',
      'options four',
    ].join('\r\n');
    expect(parseResolvConf(text)).to.deep.equal({
      nameservers: ['192.0.2.0', '192.0.2.2'],
      domain: 'example.com',
      search: ['example.net', 'example.org', 'example.gov'],
      options: ['one', 'two', 'three', 'four'],
    });
  });

  it('that is empty says nothing', () => {
    expect(parseResolvConf('')).to.deep.equal({});
  });
});
