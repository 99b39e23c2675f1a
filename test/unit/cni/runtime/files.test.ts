import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { faultText, loadFile, loadNetworks } from '../../../../lib/cni/runtime/files';

describe('The configuration files of a folder', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'trestle-netconf-'));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (name: string, content: unknown) => {
    const path = join(folder, name);
    writeFileSync(path, typeof content === 'string' || content instanceof Buffer ? content : JSON.stringify(content));
    return path;
  };

  const list = (name: string, changes: object = {}) => ({
    cniVersion: '1.0.0',
    name,
    plugins: [{ type: 'bridge' }, { type: 'portmap' }],
    ...changes,
  });

  /** What is loaded, as "file: name [types]", and what is not and why, without the folder. */
  const loaded = () => {
    const { networks, faults } = loadNetworks(folder);
    return {
      networks: networks.map(
        ({ file, name, plugins }) =>
          `${file.slice(folder.length + 1)}: ${name} [${plugins.map(({ type }) => type).join(' ')}]`,
      ),
      faults: faults.map((fault) => faultText(fault).replaceAll(`${folder}/`, '')),
    };
  };

  it('are taken in the order of their names, whatever their ending, and nothing else is', () => {
    write('20-b.conflist', list('b'));
    write('10-a.conf', { name: 'a', type: 'bridge' });
    write('30-c.json', { name: 'c', type: 'loopback' });
    write('Z.conflist', list('z'));
    write('README.md', 'not a configuration');
    write('40-d.conflist.bak', '{');
    mkdirSync(join(folder, '50-e.conflist'));
    expect(loaded()).to.deep.equal({
      networks: [
        '10-a.conf: a [bridge]',
        '20-b.conflist: b [bridge portmap]',
        '30-c.json: c [loopback]',
        'Z.conflist: z [bridge portmap]',
      ],
      faults: [],
    });
  });

  it('may be none', () => {
    expect(loaded()).to.deep.equal({ networks: [], faults: [] });
    expect(loadNetworks(join(folder, 'nowhere'))).to.deep.equal({ networks: [], faults: [] });
  });

  it('may hold a plugin alone without a name', () => {
    write('99-loopback.conf', { cniVersion: '0.2.0', type: 'loopback' });
    expect(loaded().networks).to.deep.equal(['99-loopback.conf:  [loopback]']);
  });

  it('of one name count once: a list before a plugin alone, else the first', () => {
    write('10.conf', { name: 'a', type: 'bridge' });
    write('20.conflist', list('a'));
    write('30.conflist', list('a'));
    write('40.conf', { type: 'loopback' });
    write('50.conf', { type: 'loopback' });
    expect(loaded()).to.deep.equal({
      networks: ['20.conflist: a [bridge portmap]', '40.conf:  [loopback]', '50.conf:  [loopback]'],
      faults: [
        '10.conf: network "a" is in 20.conflist too, which is used',
        '30.conflist: network "a" is in 20.conflist too, which is used',
      ],
    });
  });

  it('may keep plugins in the folder of the network, which come last', () => {
    write('10.conflist', list('a'));
    write('20.conflist', { cniVersion: '1.0.0', name: 'b' });
    write('30.conflist', list('c', { loadOnlyInlinedPlugins: true }));
    for (const name of ['a', 'b', 'c']) {
      mkdirSync(join(folder, name));
      write(`${name}/20.conf`, { type: 'tuning' });
      write(`${name}/10.conf`, { type: 'firewall' });
      write(`${name}/30.conflist`, { type: 'ignored' });
    }
    expect(loaded().networks).to.deep.equal([
      '10.conflist: a [bridge portmap firewall tuning]',
      '20.conflist: b [firewall tuning]',
      '30.conflist: c [bridge portmap]',
    ]);
  });

  describe('name the file, the place and the reason where one cannot be used:', () => {
    const text = (lines: readonly string[]) => lines.join('\n');
    const cases: Record<string, [content: string | Buffer, fault: string]> = {
      'an empty file': ['', 'x.conflist:1:1: expected a value before the end of the file'],
      'a file that ends too early': [
        text(['{', '  "name": "a",', '  "plugins": [']),
        'x.conflist:3:15: expected "]" before the end of the file',
      ],
      'a missing comma': [text(['{', '  "name": "a"', '  "plugins": []', '}']), 'x.conflist:3:3: expected ","'],
      'a comma too many': [
        text(['{ "name": "a",', '  "plugins": [{ "type": "bridge" },]', '}']),
        'x.conflist:2:36: expected a value',
      ],
      'a comment': [text(['{ // mine', '}']), 'x.conflist:1:3: JSON has no comments'],
      'a string without its end': [
        text(['{', ' "name": "a', '}']),
        'x.conflist:2:10: a string without its closing quote',
      ],
      'bytes that are no UTF-8': [Buffer.from([0x7b, 0xff, 0x7d]), 'x.conflist:1:2: not UTF-8'],
      'a list': ['[]', 'x.conflist:1:1: expected an object, found a list'],
      'no name': ['{ "plugins": [] }', 'x.conflist:1:1: missing network name'],
      'a name of another type': ['{\n  "name": 7 }', 'x.conflist:2:3: "name": expected a string, found 7'],
      'a name that is a path': [
        '{ "name": "../a", "plugins": [] }',
        'x.conflist:1:3: invalid characters in network name "../a"',
      ],
      'no plugins': ['{ "name": "a", "plugins": [] }', 'x.conflist:1:16: no plugins in list'],
      'plugins nowhere': ['{ "name": "a" }', 'x.conflist:1:1: no plugins: neither here nor in the folder of its name'],
      'plugins that must be here, and are not': [
        '{ "name": "a", "loadOnlyInlinedPlugins": true }',
        'x.conflist:1:1: "loadOnlyInlinedPlugins" is true, and there are no "plugins"',
      ],
      'plugins that are no list': [
        '{ "name": "a",\n"plugins": {} }',
        'x.conflist:2:1: "plugins": expected a list, found an object',
      ],
      'a plugin that is none': [
        '{ "name": "a", "plugins": [\n7] }',
        "x.conflist:2:1: expected a plugin's configuration, found 7",
      ],
      'a plugin without a type': [
        '{ "name": "a", "plugins": [\n  { "type": "a" },\n  { "Typ": "bridge" }] }',
        'x.conflist:3:3: missing "type"',
      ],
      'a type of another type': [
        '{ "name": "a", "plugins": [ {\n  "type": ["bridge"] }] }',
        'x.conflist:2:3: "type": expected a string, found a list',
      ],
      'a version of another type': [
        '{ "name": "a", "cniVersion": 1, "plugins": [{ "type": "a" }] }',
        'x.conflist:1:16: "cniVersion": expected a string, found 1',
      ],
      'versions that are no list': [
        '{ "name": "a", "cniVersions": "1.0.0" }',
        'x.conflist:1:16: "cniVersions": expected a list, found "1.0.0" (string)',
      ],
      'a version among others that is none': [
        '{ "name": "a", "cniVersions": ["1.0.0", "latest"] }',
        'x.conflist:1:41: expected a version such as "1.0.0", found "latest" (string)',
      ],
      'a switch that is neither on nor off': [
        '{ "name": "a", "disableCheck": "yes" }',
        'x.conflist:1:16: "disableCheck": expected true or false, found "yes" (string)',
      ],
    };
    for (const [title, [content, fault]] of Object.entries(cases)) {
      it(title, () => {
        write('x.conflist', content);
        write('y.conflist', list('y'));
        expect(loaded()).to.deep.equal({ networks: ['y.conflist: y [bridge portmap]'], faults: [fault] });
      });
    }

    it('a list in a file for one plugin', () => {
      write('x.conf', JSON.stringify(list('a')));
      expect(loaded().faults[0]).to.match(
        /^x\.conf:1:\d+: a list of plugins must be in a file that ends in \.conflist$/,
      );
    });

    it('a file of the folder of a network', () => {
      write('x.conflist', list('a'));
      mkdirSync(join(folder, 'a'));
      write('a/10.conf', '{\n  "type": }');
      expect(loaded().faults).to.deep.equal(['a/10.conf:2:11: expected a value']);
    });

    it('a link that leads nowhere', () => {
      symlinkSync('nowhere', join(folder, 'x.conflist'));
      expect(loaded().faults[0]).to.match(/^x\.conflist: ENOENT: no such file or directory/);
    });
  });

  describe('of any name', () => {
    it('is a list where it holds plugins, and one plugin where not', () => {
      const one = loadFile(write('network', list('a')));
      const other = loadFile(write('plugin', { name: 'b', type: 'bridge' }));
      expect([one, other].map((file) => 'plugins' in file && file.plugins.length)).to.deep.equal([2, 1]);
    });
  });
});
