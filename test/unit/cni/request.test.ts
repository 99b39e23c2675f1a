import { expect } from 'chai';
import { parseRequest } from '../../../lib/cni/request';
import { supportedVersions } from '../../../lib/cni/versions';
import { errorOf, parse } from './support';

describe('the environment of a request', () => {
  it('becomes typed fields', () => {
    const env = { CNI_PATH: '/a::/b:', CNI_ARGS: 'IP=10.1.2.3', CNI_NETNS_OVERRIDE: 'true' };
    expect(parse(env)).to.include({
      containerId: 'pod-1',
      netns: '/run/netns/pod-1',
      ifname: 'eth0',
      netnsOverride: true,
    });
    expect(parse(env).path).to.deep.equal(['/a', '/b']);
    expect(parse(env).args.pairs).to.deep.equal([['IP', '10.1.2.3']]);
  });

  it('allows the own namespace only for CNI_NETNS_OVERRIDE 1 and TRUE', () => {
    const allowed = ['', '0', 'yes', '1', 'TRUE', 'True'].filter(
      (value) => parse({ CNI_NETNS_OVERRIDE: value }).netnsOverride,
    );
    expect(allowed).to.deep.equal(['1', 'TRUE', 'True']);
  });

  const nothing = { CNI_CONTAINERID: '', CNI_NETNS: undefined, CNI_IFNAME: '', CNI_PATH: '' };
  for (const [command, missing] of [
    ['ADD', 'CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH'],
    ['CHECK', 'CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH'],
    ['DEL', 'CNI_CONTAINERID,CNI_IFNAME,CNI_PATH'],
    ['GC', 'CNI_PATH'],
    ['STATUS', 'CNI_PATH'],
  ] as const) {
    it(`of ${command} must have ${missing}`, async () => {
      expect(await errorOf(() => parse({ ...nothing, CNI_COMMAND: command }))).to.deep.equal({
        code: 4,
        msg: `required env variables [${missing}] missing`,
        details: '',
      });
    });
  }

  it('names only those variables that are missing', async () => {
    const env = { CNI_CONTAINERID: '', CNI_NETNS: '' };
    expect((await errorOf(() => parse(env))).msg).to.equal(
      'required env variables [CNI_CONTAINERID,CNI_NETNS] missing',
    );
  });

  it('of a DEL needs no CNI_NETNS', () => {
    expect(parse({ CNI_COMMAND: 'DEL', CNI_NETNS: undefined }).netns).to.equal('');
  });

  it('of GC and STATUS says nothing of an attachment, whatever is set', () => {
    const env = { CNI_CONTAINERID: '-', CNI_IFNAME: 'a/b', CNI_ARGS: 'x' };
    for (const command of ['GC', 'STATUS']) {
      expect(parse({ ...env, CNI_COMMAND: command })).to.include({ containerId: '', netns: '', ifname: '' });
    }
  });

  for (const command of ['FOO', 'add', '', undefined]) {
    it(`refuses the command ${command}`, async () => {
      expect(await errorOf(() => parse({ CNI_COMMAND: command }))).to.include({
        code: 4,
        msg: `unknown CNI_COMMAND: ${command ?? ''}`,
      });
    });
  }

  for (const id of ['-x', '.x', 'a/b', 'a b', 'ä', '../x', 'a\n', 'a\0']) {
    it(`refuses the container ID ${JSON.stringify(id)}`, async () => {
      const expected = { code: 4, msg: 'invalid characters in containerID', details: id };
      expect(await errorOf(() => parse({ CNI_CONTAINERID: id }))).to.deep.equal(expected);
    });
  }

  for (const [ifname, msg] of [
    ['a/b', 'interface name contains / or : or whitespace characters'],
    ['a:b', 'interface name contains / or : or whitespace characters'],
    ['a\tb', 'interface name contains / or : or whitespace characters'],
    ['a\u00a0b', 'interface name contains / or : or whitespace characters'],
    ['a\u0085b', 'interface name contains / or : or whitespace characters'],
    ['.', 'interface name is . or ..'],
    ['..', 'interface name is . or ..'],
    ['sixteen-letters-', 'interface name is too long'],
    ['ääääääää', 'interface name is too long'],
    ['all', 'interface name is none that the kernel takes'],
    ['default', 'interface name is none that the kernel takes'],
    // One of its bytes is 0xa0, and white space to the kernel.
    ['à', 'interface name is none that the kernel takes'],
    // What becomes of a byte that is no UTF-8.
    ['eth\ufffd', 'interface name is none that the kernel takes'],
  ] as const) {
    it(`refuses the interface name ${JSON.stringify(ifname)}`, async () => {
      expect(await errorOf(() => parse({ CNI_IFNAME: ifname }))).to.include({ code: 4, msg });
    });
  }

  it('takes an interface name of 15 bytes', () => {
    expect(parse({ CNI_IFNAME: 'fifteen-letters' }).ifname).to.equal('fifteen-letters');
  });

  it('refuses arguments that are no pairs, but for DEL only warns', async () => {
    expect(await errorOf(() => parse({ CNI_ARGS: 'FOO' }))).to.include({ code: 4, msg: 'ARGS: invalid pair "FOO"' });
    const { args, warnings } = parse({ CNI_COMMAND: 'DEL', CNI_ARGS: 'FOO' });
    expect(args.pairs).to.deep.equal([]);
    expect(warnings).to.deep.equal(['CNI_ARGS ignored: ARGS: invalid pair "FOO"']);
  });

  it('has no NUL in the path of the namespace', async () => {
    expect(await errorOf(() => parse({ CNI_NETNS: '/run/netns/a\0b' }))).to.include({ code: 4 });
  });

  it('of VERSION is not looked at, nor is its configuration', () => {
    const request = parseRequest({ type: 'bridge', env: { CNI_COMMAND: 'VERSION' }, stdin: Buffer.from('{') });
    expect(request).to.deep.equal({ type: 'bridge', command: 'VERSION' });
  });
});

describe('the configuration of a request', () => {
  it('is passed on as it came', () => {
    const text = '{"CNIVersion":"1.0.0","name":"net","MTU":1500}';
    const { config, stdin, cniVersion } = parse({}, text);
    expect({ config, stdin: stdin.toString(), cniVersion }).to.deep.equal({
      config: { CNIVersion: '1.0.0', name: 'net', MTU: 1500 },
      stdin: text,
      cniVersion: '1.0.0',
    });
  });

  for (const [what, stdin] of [
    ['nothing', ''],
    ['no JSON', '{"name":'],
    ['a list', '[]'],
    ['a string', '"x"'],
    ['null', 'null'],
    ['two documents', '{}{}'],
    ['a byte order mark', '\ufeff{"name":"net"}'],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['NUL', Buffer.from('{"name":"net"}\0')],
    ['a NUL inside a string', '{"name":"net","master":"eth0\\u0000x"}'],
    ['a name that is no string', '{"name":5}'],
    ['a version that is no string', '{"name":"net","cniVersion":1}'],
    ['257 levels', `{"name":"net","a":${'['.repeat(256)}${']'.repeat(256)}}`],
    ['more levels than any stack has', '['.repeat(8_000_000)],
    ['17 MB', Buffer.alloc(17 * 1024 * 1024, ' ')],
  ] as const) {
    it(`that is or has ${what} is not decodable: code 6`, async () => {
      const { code, msg } = await errorOf(() => parse({}, stdin));
      expect(code).to.equal(6);
      expect(msg).to.match(/^error unmarshall network config: ./);
    });
  }

  it('may have 256 levels, and brackets and backslashes in strings', () => {
    const text = `{"name":"net","s":"\\\\u0000 \\" ${'['.repeat(300)}","a":${'['.repeat(255)}${']'.repeat(255)}}`;
    expect(parse({}, text).config).to.have.property('s');
  });

  it('without cniVersion, or with an empty one, is of 0.1.0', () => {
    expect(parse({}, '{"name":"net"}').cniVersion).to.equal('0.1.0');
    expect(parse({}, '{"name":"net","cniVersion":""}').cniVersion).to.equal('0.1.0');
    expect(parse({}, '{"name":"net","cniVersion":null}').cniVersion).to.equal('0.1.0');
  });

  it('may be of every version that is supported', () => {
    for (const cniVersion of supportedVersions) expect(parse({}, { cniVersion })).to.include({ cniVersion });
  });

  for (const command of ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS']) {
    it(`of ${command} must be of a supported version`, async () => {
      const env = { CNI_COMMAND: command };
      expect(await errorOf(() => parse(env, { cniVersion: '9.9.9' }))).to.deep.equal({
        code: 1,
        msg: 'incompatible CNI versions',
        details: 'config is "9.9.9", plugin supports ["0.1.0" "0.2.0" "0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]',
      });
    });
  }

  it('must be of a version that the plugin supports', async () => {
    const { details } = await errorOf(() => parse({}, { cniVersion: '0.3.1' }, { versions: ['0.4.0', '1.0.0'] }));
    expect(details).to.equal('config is "0.3.1", plugin supports ["0.4.0" "1.0.0"]');
  });

  for (const [command, cniVersion] of [
    ['CHECK', '0.3.1'],
    ['GC', '1.0.0'],
    ['STATUS', '1.0.0'],
  ] as const) {
    it(`of ${command} must be newer than ${cniVersion}`, async () => {
      const msg = `config version does not allow ${command}`;
      expect(await errorOf(() => parse({ CNI_COMMAND: command }, { cniVersion }))).to.include({ code: 1, msg });
    });
  }

  it('must name the network', async () => {
    const expected = { code: 7, msg: 'missing network name', details: '' };
    expect(await errorOf(() => parse({}, '{}'))).to.deep.equal(expected);
    expect(await errorOf(() => parse({ CNI_COMMAND: 'STATUS' }, { name: '' }))).to.deep.equal(expected);
  });

  it('need not name the network where the plugin says so', async () => {
    expect(parse({}, '{}', { nameless: true }).name).to.equal('');
    expect(await errorOf(() => parse({}, '{"name":"a/b"}', { nameless: true }))).to.include({ code: 7 });
  });

  it('must name the network by characters that the specification allows', async () => {
    expect(await errorOf(() => parse({}, { name: '../net' }))).to.deep.equal({
      code: 7,
      msg: 'invalid characters found in network name',
      details: '../net',
    });
  });

  it('must leave room for a file name of name, container ID and interface', async () => {
    const id = 'c'.repeat(64);
    expect(parse({ CNI_CONTAINERID: id }, { name: 'n'.repeat(185) }).name).to.have.length(185);
    expect(await errorOf(() => parse({ CNI_CONTAINERID: id }, { name: 'n'.repeat(186) }))).to.deep.equal({
      code: 7,
      msg: 'network name is too long',
      details: 'name-containerID-ifname has 256 bytes, at most 255 are possible',
    });
    expect(await errorOf(() => parse({ CNI_CONTAINERID: 'c'.repeat(300) }))).to.include({
      code: 4,
      msg: 'containerID is too long',
    });
  });
});

describe('the prevResult of a request', () => {
  const prevResult = { ips: [{ address: '10.1.2.3/24' }] };

  it('is read in the version of the configuration', () => {
    const old = { cniVersion: '0.2.0', prevResult: { ip4: { ip: '10.1.2.3/24' } } };
    expect(parse({}, old).prevResult).to.deep.equal(prevResult);
  });

  it('is read in its own version when it names one', () => {
    const old = { cniVersion: '1.1.0', PrevResult: { cniVersion: '0.2.0', ip4: { ip: '10.1.2.3/24' } } };
    expect(parse({}, old).prevResult).to.deep.equal(prevResult);
  });

  it('is absent when there is none, or null', () => {
    expect(parse({ CNI_COMMAND: 'DEL' })).not.to.have.property('prevResult');
    expect(parse({}, { prevResult: null })).not.to.have.property('prevResult');
  });

  for (const command of ['ADD', 'CHECK']) {
    it(`of ${command} must be well-formed`, async () => {
      const broken = { prevResult: { ips: [{ address: '10.1.2.3' }] } };
      expect(await errorOf(() => parse({ CNI_COMMAND: command }, broken))).to.include({
        code: 6,
        msg: 'invalid prevResult: "ips[0].address": expected an IP address with a prefix length, such as 10.1.2.3/24, found "10.1.2.3" (string)',
      });
    });
  }

  it('of DEL is dropped with a warning when it is broken', () => {
    const request = parse({ CNI_COMMAND: 'DEL' }, { prevResult: 5 });
    expect(request).not.to.have.property('prevResult');
    expect(request.warnings).to.deep.equal(['prevResult ignored: invalid prevResult: expected an object, found 5']);
  });

  it('of an unknown version is refused', async () => {
    const { code, details } = await errorOf(() => parse({}, { prevResult: { cniVersion: '7.0.0' } }));
    expect(code).to.equal(1);
    expect(details).to.match(/^prevResult is "7.0.0", plugin supports \["0.1.0" /);
  });
});

describe('the list of valid attachments of a GC', () => {
  const key = 'cni.dev/valid-attachments';
  const gc = (config: object) => parse({ CNI_COMMAND: 'GC' }, config);

  it('is read without regard to the case of keys', () => {
    expect(gc({ 'CNI.dev/Valid-Attachments': [{ ContainerID: 'a', ifName: 'eth0' }] }).validAttachments).to.deep.equal([
      { containerId: 'a', ifname: 'eth0' },
    ]);
  });

  it('is read under its old name too, unless the new one is there', () => {
    const old = { 'cni.dev/attachments': [{ containerID: 'a', ifname: 'eth0' }] };
    expect(gc(old).validAttachments).to.have.length(1);
    expect(gc({ ...old, [key]: null }).validAttachments).to.have.length(1);
    expect(gc({ ...old, [key]: [] }).validAttachments).to.deep.equal([]);
  });

  it('is not the same when it is empty and when it is absent or null', () => {
    expect(gc({ [key]: [] }).validAttachments).to.deep.equal([]);
    expect(gc({})).not.to.have.property('validAttachments');
    expect(gc({ [key]: null })).not.to.have.property('validAttachments');
  });

  for (const [list, msg] of [
    [{}, '": expected a list, found an object'],
    ['', '": expected a list, found "" (string)'],
    [[[]], '[0]": expected an object, found a list'],
    [[null], '[0]": expected an object, found null'],
    [[{ containerID: 'a' }], '[0].ifname" is missing'],
    [[{ containerID: 5, ifname: 'eth0' }], '[0].containerID": expected a string, found 5'],
  ] as const) {
    it(`is refused when it is ${JSON.stringify(list)}`, async () => {
      const expected = { code: 7, msg: `invalid configuration: "${key}${msg}` };
      expect(await errorOf(() => gc({ [key]: list }))).to.include(expected);
    });
  }

  it('is not looked at by other commands', () => {
    expect(parse({ CNI_COMMAND: 'DEL' }, { [key]: 5 })).not.to.have.property('validAttachments');
  });
});
