import { mkdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect } from 'chai';
import { sharedObjects } from '../support/leftovers';
import { PATH } from '../support/run';
import { diff } from '../support/snapshot';
import { createWorld, type World } from '../support/world';

const root = resolve(__dirname, '../..');
const readme = readFileSync(resolve(root, 'README.md'), 'utf8');

/** The code blocks of the README; `language` is what stands behind the first fence. */
const blocks = [...readme.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({
  language,
  text,
}));

const scripts = blocks.filter(({ language }) => language === 'sh').map(({ text }) => text);

describe("The README's commands", () => {
  let world: World;

  before(async () => {
    world = await createWorld();
  });

  after(() => world.close());

  it('do what they say, one after another, and leave nothing of a pod', async () => {
    mkdirSync(world.path('/run/reader'));
    const before = await world.snapshot();
    const { code, stdout, stderr } = await world.run('bash', ['-euc', `cd /run/reader\n${scripts.join('\n')}`], {
      env: { PATH: `${world.plugins}:${PATH}`, HOME: '/run/reader' },
    });
    expect(code, stderr).to.equal(0);

    expect(stdout, 'trestle networks').to.match(/^mynet\t1\.0\.0\tbridge\t\/run\/reader\/net\.d\/10-mynet\.conflist$/m);
    expect(stdout, 'trestle explain').to.match(/add bridge cni0/);
    expect(stdout, 'ip addr').to.match(/eth0@.*state UP[\s\S]*inet 10\.22\.0\.2\/16/);
    expect(stdout, 'ping').to.match(/1 received/);
    expect(stderr, 'trestle run --trace').to.match(/host {2}add veth .* created {2}[\d.]+ ms/);
    expect(stdout, 'trestle add').to.match(/"address": "10\.22\.0\.4\/16"/);
    expect(stdout, 'trestle attachments').to.match(/^mynet\tcnitool-[0-9a-f]{20}\teth0\tbridge\tcomplete\tveth\w+$/m);

    const shared = [...sharedObjects('cni0'), /\/run\/reader\//];
    const left = diff(before, await world.snapshot()).filter((line) => !shared.some((pattern) => pattern.test(line)));
    expect(left).to.deep.equal([]);
  });

  it('of make are targets', () => {
    const makefile = readFileSync(resolve(root, 'Makefile'), 'utf8');
    const targets = blocks
      .filter(({ language }) => language === '')
      .flatMap(({ text }) => [...text.matchAll(/^make ([\w-]+)/gm)].map(([, target]) => target));
    expect(targets).to.include.members(['demo', 'test', 'build', 'install']);
    for (const target of targets) expect(makefile).to.match(new RegExp(`^${target}:.* ## `, 'm'));
  });

  it('are all in blocks that are run, or are of make', () => {
    const others = blocks.filter(({ language, text }) => language === '' && !/^make |^ +kubelet/m.test(text));
    expect(others).to.deep.equal([]);
  });
});
