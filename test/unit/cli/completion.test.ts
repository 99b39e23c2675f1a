import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Command } from '../../../lib/cli/command';
import { bashCompletion } from '../../../lib/cli/completion';

const nothing = { summary: '', about: '', examples: [], run: async () => 0 };

const commands: readonly Command[] = [
  { ...nothing, name: 'add', operands: 'NETWORK FILE', arity: [2, 2], options: { trace: { about: '' } } },
  {
    ...nothing,
    name: 'run',
    takesCommand: true,
    options: { network: { value: 'NETWORK', multiple: true, about: '' }, keep: { about: '' } },
  },
];

describe('The completion for bash', () => {
  let folder: string;
  let trestle: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'trestle-completion-'));
    trestle = join(folder, 'trestle');
    writeFileSync(trestle, '#!/bin/sh\nprintf "mynet\\t1.0.0\\nmine\\t-\\nother\\t-\\n"\n');
    chmodSync(trestle, 0o755);
    writeFileSync(join(folder, 'script'), bashCompletion(commands));
  });

  after(() => rmSync(folder, { recursive: true }));

  /** What bash offers for the last of the words. */
  function offered(...words: string[]): string[] {
    const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }
      _trestle; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const args = ['--norc', '-euc', script, 'bash', join(folder, 'script'), trestle, ...words];
    const { stdout, stderr } = spawnSync('bash', args, { encoding: 'utf8' });
    expect(stderr).to.equal('');
    return stdout.split('\n').filter(Boolean).sort();
  }

  const cases: Record<string, [words: string[], expected: string[]]> = {
    'the commands': [[''], ['add', 'help', 'run']],
    'the beginning of a command': [['r'], ['run']],
    'the networks, where one is expected': [
      ['add', 'm'],
      ['mine', 'mynet'],
    ],
    'the networks, after an option': [['add', '--trace', 'o'], ['other']],
    'nothing where no network is expected': [['add', 'mynet', 'other', 'm'], []],
    'the options': [
      ['run', '-'],
      ['--', '--help', '--keep', '--network'],
    ],
    'the value of an option': [
      ['run', '--network', 'm'],
      ['mine', 'mynet'],
    ],
    'commands to have help of': [['help', 'a'], ['add']],
    'nothing for what it does not know': [['fly', ''], []],
  };
  for (const [title, [words, expected]] of Object.entries(cases)) {
    it(`offers ${title}`, () => {
      expect(offered(...words)).to.deep.equal(expected);
    });
  }

  it('is clean to shellcheck', () => {
    const { stdout } = spawnSync('shellcheck', ['-s', 'bash', join(folder, 'script')], { encoding: 'utf8' });
    expect(stdout).to.equal('');
  });
});
