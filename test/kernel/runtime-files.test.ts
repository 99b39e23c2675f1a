import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { expect } from 'chai';
import { addRecorder, takeCalls } from '../support/recorder';
import { configurations, configure, failed, trestle } from '../support/trestle';
import { createWorld, type World } from '../support/world';

const good = { cniVersion: '1.0.0', name: 'good', plugins: [{ type: 'one' }] };

/** Four lines, as an editor leaves them. */
const text = `{
  "cniVersion": "1.0.0", "name": "broken",
  "plugins": [ { "type": "one", "key": "ü" } ]
}
`;

/** Files, and what is said of each: after its name, up to the end of the line. */
const broken: Record<string, [content: string | Buffer | object, told: string]> = {
  'empty.conflist': ['', ':1:1: expected a value before the end of the file'],
  'blank.conf': ['\n \n', ':3:1: expected a value before the end of the file'],
  'cut-in-the-name.conflist': [text.slice(0, 40), ':2:34: a string without its closing quote'],
  'cut-after-a-comma.conflist': [
    text.slice(0, text.indexOf('  "plugins"')),
    ':3:1: expected a key in double quotes before the end of the file',
  ],
  'cut-in-the-list.conflist': [text.slice(0, text.indexOf('}')), ':3:44: expected "}" before the end of the file'],
  'cut-before-its-end.conflist': [text.trim().slice(0, -1), ':4:1: expected "}" before the end of the file'],
  'cut-in-a-character.conflist': [Buffer.from(text).subarray(0, Buffer.from(text).indexOf(0xbc)), ':3:41: not UTF-8'],
  'latin-1.conflist': [Buffer.from(text, 'latin1'), ':3:41: not UTF-8'],
  'comment.conflist': [text.replace('"name"', '/* ours */ "name"'), ':2:26: JSON has no comments'],
  'trailing-comma.conflist': [text.replace('} ]', '}, ]'), ':3:47: expected a value'],
  'two.conflist': [text + text, ':5:1: expected the end of the file'],
  'list.conflist': ['[]', ':1:1: expected an object, found a list'],
  'no-name.conflist': [{ ...good, name: undefined }, ':1:1: missing network name'],
  'bad-name.conflist': [{ ...good, name: 'a b' }, ':1:23: invalid characters in network name "a b"'],
  'no-plugins.conflist': [{ ...good, name: 'x', plugins: [] }, ':1:34: no plugins in list'],
  'no-type.conflist': [text.replace('"type": "one", ', ''), ':3:16: missing "type"'],
  'bad-type.conflist': [text.replace('"one"', '1'), ':3:18: "type": expected a string, found 1'],
  'bad-check.conflist': [
    { disableCheck: 1, ...good, name: 'x' },
    ':1:2: "disableCheck": expected true or false, found 1',
  ],
  'bad-versions.conflist': [
    { cniVersions: ['x'], ...good, name: 'x' },
    ':1:17: expected a version such as "1.0.0", found "x" (string)',
  ],
  'deep.conflist': ['[\n'.repeat(1_000_000), ': nested deeper than 256 levels'],
  'a-list.conf': [{ ...good, name: 'x' }, ':1:34: a list of plugins must be in a file that ends in .conflist'],
  'no-type.conf': [{ name: 'x' }, ':1:1: missing "type"'],
};

describe('A configuration file', () => {
  let world: World;

  before(async () => {
    world = await createWorld();
    await world.addPod('blue');
    addRecorder(world, 'one');
  });

  beforeEach(() => {
    rmSync(world.path(configurations), { recursive: true, force: true });
    configure(world, '50-good.conflist', good);
  });

  after(() => world.close());

  /** What an add to the good network says of the other files. */
  async function warnings(): Promise<string[]> {
    const { code, stderr } = await trestle(world, 'add good blue');
    expect(code, stderr).to.equal(0);
    expect(takeCalls(world).map(({ call }) => call)).to.deep.equal(['ADD one']);
    return stderr.trim().split('\n');
  }

  it('that is broken is named with line, column and reason, and the other networks work', async () => {
    for (const [name, [content]] of Object.entries(broken)) configure(world, name, content);
    const told = Object.entries(broken).map(([name, [, reason]]) => `trestle: ${configurations}/${name}${reason}`);
    expect((await warnings()).sort()).to.deep.equal(told.sort());
  });

  it('that is cut at any byte is named, and the other networks work', async () => {
    const bytes = Buffer.from(text.trim());
    for (let length = 0; length < bytes.length; length += 7) {
      configure(world, `${length}.conflist`, bytes.subarray(0, length));
    }
    const told = await warnings();
    expect(told).to.have.length(Math.ceil(bytes.length / 7));
    for (const line of told) expect(line).to.match(/^trestle: \/run\/net\.d\/\d+\.conflist:\d+:\d+: \S/);
  });

  it('that is no readable file is named, and is not waited for', async () => {
    await world.run('mkfifo', [`${configurations}/10-fifo.conf`]);
    symlinkSync('/run/nowhere', world.path(`${configurations}/20-dangling.conf`));
    symlinkSync('30-loop.conf', world.path(`${configurations}/30-loop.conf`));
    symlinkSync('/dev/zero', world.path(`${configurations}/40-endless.conf`));
    symlinkSync('/etc', world.path(`${configurations}/45-folder.conf`));
    for (const folder of ['60-folder.conf', '60-folder.conflist']) mkdirSync(world.path(`${configurations}/${folder}`));
    for (const other of ['README', 'x.conf.bak', '.conf~', 'x.CONF']) configure(world, other, 'no JSON');
    const path = (name: string) => `${configurations}/${name}.conf`;
    expect(await warnings()).to.deep.equal([
      `trestle: ${path('10-fifo')}: ${path('10-fifo')} is not a regular file`,
      `trestle: ${path('20-dangling')}: ENOENT: no such file or directory, open '${path('20-dangling')}'`,
      `trestle: ${path('30-loop')}: ELOOP: too many symbolic links encountered, open '${path('30-loop')}'`,
      `trestle: ${path('40-endless')}: ${path('40-endless')} is not a regular file`,
      `trestle: ${path('45-folder')}: ${path('45-folder')} is not a regular file`,
    ]);
  });

  it('that is a link to a good one is used', async () => {
    configure(world, 'elsewhere.txt', { ...good, name: 'linked' });
    symlinkSync('elsewhere.txt', world.path(`${configurations}/20-linked.conflist`));
    expect(await trestle(world, 'add linked blue')).to.include({ code: 0, stderr: '' });
    takeCalls(world);
  });

  it('of a network that another file has, too, is named with that one, lists before plugins alone', async () => {
    configure(world, '10-good.conf', { ...good, plugins: undefined, type: 'nonesuch' });
    configure(world, '60-good.conflist', { ...good, plugins: [{ type: 'nonesuch' }] });
    const told = `network "good" is in ${configurations}/50-good.conflist too, which is used`;
    expect(await warnings()).to.deep.equal(
      ['10-good.conf', '60-good.conflist'].map((file) => `trestle: ${configurations}/${file}: ${told}`),
    );
  });

  it('in the folder of a network is named itself, and that network cannot be used', async () => {
    mkdirSync(world.path(`${configurations}/other`));
    configure(world, 'other.conflist', { cniVersion: '1.0.0', name: 'other' });
    configure(world, 'other/10.conf', '{"type": }');
    const fault = `trestle: ${configurations}/other/10.conf:1:10: expected a value`;
    expect(await warnings()).to.deep.equal([fault]);
    const { stderr } = await failed(world, 'add other blue');
    expect(stderr.split('\n').slice(0, 2)).to.deep.equal([
      fault,
      `trestle: no network "other" in ${configurations}: there is "good"`,
    ]);
  });

  it('is told apart from none: where no file can be used, that is said', async () => {
    configure(world, '50-good.conflist', '{');
    const { code, stderr } = await failed(world, 'add good blue');
    expect({ code, last: stderr.trim().split('\n').at(-1) }).to.deep.equal({
      code: 1,
      last: `trestle: no network configuration in ${configurations} can be used`,
    });
  });
});
