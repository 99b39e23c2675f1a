import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect } from 'chai';

const root = resolve(__dirname, '../..');

/** For each file of a project with our rules the rules that it breaks. */
function lint(files: Record<string, string>): Record<string, string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'trestle-lint-'));
  cpSync(join(root, 'biome.json'), join(folder, 'biome.json'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const args = ['lint', '--colors=off', '--max-diagnostics=none', '.'];
  const { stdout, stderr } = spawnSync(join(root, 'node_modules/.bin/biome'), args, { cwd: folder, encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  const broken: Record<string, string[]> = Object.fromEntries(Object.keys(files).map((path) => [path, []]));
  for (const [, path = '', rule = ''] of `${stdout}${stderr}`.matchAll(/^(\S+?):\d+:\d+ lint\/\w+\/(\w+)/gm)) {
    broken[path]?.push(rule);
  }
  return broken;
}

const uses = (specifier: string) => `import { thing } from '${specifier}';\n\nexport const other = thing;\n`;

/** A file in each folder, and what it may and may not import. */
const arrows: Record<string, { allowed: string[]; refused: string[] }> = {
  'lib/cni': { allowed: ['./errors', 'node:fs'], refused: ['../kernel/contract', '../plugin/define', '../process'] },
  'lib/cni/runtime': { allowed: ['./chain', '../errors'], refused: ['../../plugin/locks', '../../cli/command'] },
  'lib/kernel': { allowed: ['./contract', '../cni/errors'], refused: ['../plugin/define', '../ipam/host-local'] },
  'lib/kernel/contract': { allowed: ['./places'], refused: ['../../plugin/define', '../../process'] },
  'lib/plugin': { allowed: ['./ipam', '../cni/errors', '../kernel/contract'], refused: ['../plugins', '../cli/main'] },
  'lib/ipam': { allowed: ['../cni/errors', '../plugin/define'], refused: ['../kernel/contract', '../plugins'] },
  'lib/ipam/host-local': { allowed: ['./store', '../route', '../../cni/errors'], refused: ['../../kernel/contract'] },
  'lib/plugins': {
    allowed: ['../ipam/host-local', '../kernel/contract', '../plugin/define'],
    refused: ['../cli/main'],
  },
  'lib/plugins/bridge': { allowed: ['../masquerade', '../../kernel/contract'], refused: ['../../process'] },
  'lib/daemon': {
    allowed: ['./protocol', '../plugin/handle', '../cni/decode'],
    refused: ['../cli/main', '../plugins', '../process'],
  },
  'lib/cli': { allowed: ['../plugins', '../process', '../kernel/native'], refused: ['node:process'] },
};

describe('the linter', () => {
  it('refuses imports against the arrows between the folders of lib, and no others', () => {
    const cases = Object.entries(arrows).flatMap(([folder, { allowed, refused }]) => [
      ...allowed.map((specifier, i) => ({ path: `${folder}/allowed${i}.ts`, specifier, rules: [] as string[] })),
      ...refused.map((specifier, i) => ({
        path: `${folder}/refused${i}.ts`,
        specifier,
        rules: ['noRestrictedImports'],
      })),
    ]);
    const broken = lint(Object.fromEntries(cases.map(({ path, specifier }) => [path, uses(specifier)])));
    for (const { path, specifier, rules } of cases) expect(broken[path], `${path}: ${specifier}`).to.deep.equal(rules);
  });

  it('lets only lib/process.ts read the process', () => {
    const text = 'export const first = process.argv[0];\n';
    expect(lint({ 'lib/process.ts': text, 'lib/plugin/x.ts': text })).to.deep.equal({
      'lib/process.ts': [],
      'lib/plugin/x.ts': ['noRestrictedGlobals'],
    });
  });
});
