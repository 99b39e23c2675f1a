import { join } from 'node:path';
import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { addScript } from '../support/network';
import { configurations, configure, done, failed, trestle } from '../support/trestle';
import { createWorld, type World } from '../support/world';

const bridge = {
  type: 'bridge',
  bridge: 'br0',
  isDefaultGateway: true,
  ipMasq: true,
  macspoofchk: true,
  ipam: { type: 'host-local', ranges: [[{ subnet: '10.1.2.0/24' }], [{ subnet: 'fd00:1:2::/64' }]] },
};
const list = { cniVersion: '1.0.0', name: 'net', plugins: [bridge, { type: 'loopback' }] };

// biome-ignore lint/suspicious/noExplicitAny: tests look into it as they like
type Json = any;

describe('trestle explain', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld();
    await world.addPod('blue');
    configure(world, '10-net.conflist', list);
  });
  afterEach(() => world.close());

  const file = join(configurations, '10-net.conflist');
  const explained = async (options = ''): Promise<Json> =>
    JSON.parse(await done(world, `explain --json ${options}${options && ' '}${file}`));

  /** What an explanation says will be told, in the trace's own words: "host add bridge br0". */
  const planned = (actions: Json[]): string[] =>
    actions.flatMap(({ kind, ns, words, addresses = [] }) => {
      if (kind === 'step') return [`${ns} ${words}`];
      return kind === 'ipam' ? [`ipam ${addresses.map((address: string) => address.split('/')[0])}`] : [];
    });

  /** What a command did, by its trace. */
  async function did(command: 'add' | 'del'): Promise<string[]> {
    const { code, stderr } = await trestle(world, `${command} --trace net blue`);
    expect(code, stderr).to.equal(0);
    return stderr
      .trim()
      .split('\n')
      .flatMap((line) => {
        const [, subject = '', what = ''] = line.split(/ {2,}/);
        if (subject === 'ipam')
          return [
            `ipam ${what
              .replace(/^.*?: /, '')
              .replace(/\/\d+/g, '')
              .replace(', ', ',')}`,
          ];
        return subject === 'end' ? [] : [`${subject} ${what}`];
      });
  }

  for (const when of ['makes the bridge', 'finds the bridge there'] as const) {
    it(`says what the ADD that ${when} then does, and its DEL, step by step`, async () => {
      if (when === 'finds the bridge there') for (const command of ['add', 'del'] as const) await did(command);
      const { plugins } = await explained('--netns blue');
      const shared = plugins[0].add.filter((action: Json) => action.shared);
      expect(shared.length > 0).to.equal(when === 'makes the bridge');
      expect(await did('add')).to.deep.equal(plugins.flatMap(({ add }: Json) => planned(add)));
      const dels = [...plugins].reverse().flatMap(({ del }: Json) => planned(del));
      expect(await did('del')).to.deep.equal(dels);
    });
  }

  it('foretells the result', async () => {
    const { result } = await explained('--netns blue --ifname eth7');
    const added = JSON.parse(await done(world, 'add net blue', { CNI_IFNAME: 'eth7' }));
    expect(added).to.deep.equal(result);
  });

  it('changes nothing, in the kernel or on disk, thirty at once', async () => {
    await done(world, 'add net blue');
    const before = await world.snapshot();
    const outputs = await Promise.all(Array.from({ length: 30 }, () => done(world, `explain ${file}`)));
    expect(new Set(outputs).size).to.equal(1);
    expect(outputs[0]).to.include('host-local gives 10.1.2.3/24');
    expectUnchanged(before, await world.snapshot());
  });

  it('changes nothing where there is no state of ours at all', async () => {
    const before = await world.snapshot();
    await explained();
    await explained('--netns blue');
    expectUnchanged(before, await world.snapshot());
  });

  it('says of a pod that is attached what ADD answers, and what DEL does', async () => {
    await done(world, 'add net blue');
    const { code, stdout } = await trestle(world, `explain --json --netns blue ${file}`);
    const { refusal, plugins } = JSON.parse(stdout);
    expect(code).to.equal(1);
    const add = await failed(world, 'add net blue');
    expect(add.stderr).to.include(refusal.msg);
    expect(refusal.code).to.equal(100);
    const record = await did('del');
    expect(planned(plugins[0].del).filter((line) => !line.startsWith('ipam'))).to.deep.equal(
      record.filter((line) => !line.startsWith('ipam') && !line.startsWith('pod set link lo')),
    );
  });

  it('says that a namespace is not there', async () => {
    const { code, stdout } = await trestle(world, `explain --netns nowhere ${file}`);
    expect(code).to.equal(1);
    expect(stdout).to.include('refused  code 3: ').and.include('/run/netns/nowhere');
  });

  it('does not run what is not part of Trestle', async () => {
    addScript(world, '/run/bin/foreign', 'echo ran >>/run/ran\necho "{}"');
    configure(world, '20-foreign.conflist', {
      cniVersion: '1.0.0',
      name: 'foreign',
      plugins: [{ ...bridge, ipam: { type: 'foreign' } }, { type: 'foreign' }],
    });
    const before = await world.snapshot();
    const text = await done(world, `explain ${join(configurations, '20-foreign.conflist')}`);
    expect(text).to.include('exec  /run/bin/foreign (not part of Trestle): what it does is not known');
    expect(text).to.include('192.0.2.2/24 (gateway 192.0.2.1) stands for it');
    expectUnchanged(before, await world.snapshot());
  });

  it('sees what of the host a configuration clashes with', async () => {
    for (const command of [
      'link add up0 mtu 1400 type veth peer name up1',
      'link set up0 up',
      'link set up1 up',
      'address add 198.51.100.7/24 dev up0',
      'route add default via 198.51.100.1 dev up0',
      'route add 10.1.0.0/16 via 198.51.100.1 dev up0',
    ]) {
      await world.ip(command);
    }
    const { warnings } = await explained();
    expect(warnings.map(({ path, text }: Json) => `${path}: ${text}`)).to.deep.equal([
      'plugins[0]: no "mtu", so that pods get 1500, but up0, by which the host reaches the world, has 1400',
      "plugins[0].ipam.ranges[0][0].subnet: 10.1.2.0/24 overlaps the host's route to 10.1.0.0/16 via 198.51.100.1 through up0",
    ]);
    expect(warnings[1]).to.include({ file, line: 1 });
  });

  for (const [title, content] of Object.entries({
    'an empty file': '',
    'half a configuration': '{"cniVersion": "1.0.0", "name": "net", "plug',
    'a list': '[]',
    null: 'null',
    'a list of no plugins': '{"cniVersion": "1.0.0", "name": "net", "plugins": []}',
    'plugins that are none': '{"name": "net", "plugins": [5, null, {}]}',
    'bytes that are no text': Buffer.from('7b22c3280022', 'hex') as unknown as string,
    'a string with NUL': '{"name": "a\\u0000b", "plugins": [{"type": "bridge"}]}',
    'levels without end': '['.repeat(100_000),
    'a type that is a path': '{"name": "n", "cniVersion": "1.0.0", "plugins": [{"type": "../../bin/sh"}]}',
    'another version': '{"name": "n", "cniVersion": "9.0.0", "plugins": [{"type": "bridge"}]}',
  })) {
    it(`refuses ${title} in a few words`, async () => {
      configure(world, 'bad.conflist', content);
      const { code, stdout, stderr } = await trestle(world, `explain ${join(configurations, 'bad.conflist')}`);
      expect(code, stderr).to.equal(1);
      const said = stderr + stdout;
      expect(said).to.match(/bad\.conflist:\d+:\d+: |bad\.conflist: |refused {2}code \d+: /);
      expect(said).to.not.match(/\n +at |undefined|TypeError/);
      if (stdout === '') expect(stderr.split('\n')).to.have.length(2);
    });
  }

  it('refuses what is no file, and calls that it cannot understand', async () => {
    await world.run('mkfifo', ['/run/fifo']);
    for (const path of ['/run/fifo', '/run', '/dev/zero', '/run/none']) {
      const { code, stderr } = await failed(world, `explain ${path}`);
      expect({ code, lines: stderr.split('\n').length }, stderr).to.deep.equal({ code: 1, lines: 2 });
      expect(stderr).to.include(path);
    }
    for (const line of ['explain', 'explain a b', 'explain --nets x a']) {
      expect((await failed(world, line)).code, line).to.equal(2);
    }
  });
});
