import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { commands } from '../../../lib/cli/commands';
import { manual, overview, usage } from '../../../lib/cli/help';
import { manPage } from '../../../lib/cli/man';
import { paintFor } from '../../../lib/cli/paint';

const plain = paintFor(false, {});

describe('The help', () => {
  it('lists every command with a line of its own', () => {
    const lines = overview(commands, plain).split('\n');
    for (const { name, summary } of commands) {
      expect(lines.find((line) => line.trim().split(/\s+/)[1] === name)).to.match(new RegExp(`  ${summary}$`));
    }
  });

  for (const command of commands) {
    const text = manual(command, plain);

    it(`of ${command.name} tells its usage, its options and examples of it`, () => {
      expect(text).to.include(usage(command));
      for (const option of Object.keys(command.options ?? {}))
        expect(text).to.match(new RegExp(`^  --${option} `, 'm'));
      for (const name of Object.keys(command.environment ?? {})) expect(text).to.match(new RegExp(`^  ${name} `, 'm'));
      expect(command.examples).not.to.deep.equal([]);
      for (const [line] of command.examples) expect(line).to.include(`trestle ${command.name}`);
    });

    it(`of ${command.name} fits a terminal`, () => {
      for (const line of text.split('\n')) expect(line.length, line).to.be.at.most(120);
    });
  }

  it('is coloured only where it is wanted', () => {
    const coloured = (isTerminal: boolean, env: Record<string, string>) =>
      overview(commands, paintFor(isTerminal, env)).includes('\x1b[');
    expect(coloured(true, {}), 'a terminal').to.equal(true);
    expect(coloured(true, { NO_COLOR: '' }), 'a terminal, and NO_COLOR is empty').to.equal(true);
    expect(coloured(true, { NO_COLOR: '1' }), 'NO_COLOR').to.equal(false);
    expect(coloured(true, { TERM: 'dumb' }), 'a terminal without colours').to.equal(false);
    expect(coloured(false, {}), 'no terminal').to.equal(false);
  });
});

describe('The manual page', () => {
  const page = manPage(commands);

  it('has no fault that groff would find', () => {
    const { stderr, status } = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-z'], { input: page, encoding: 'utf8' });
    expect([status, stderr]).to.deep.equal([0, '']);
  });

  it('tells every command, option and variable', () => {
    const { stdout } = spawnSync('groff', ['-man', '-Tascii', '-P-c', '-P-bou', '-rLL=200n'], {
      input: page,
      encoding: 'utf8',
    });
    for (const { name, options = {}, environment = {} } of commands) {
      expect(stdout).to.match(new RegExp(`^ +trestle ${name}\\b`, 'm'));
      for (const option of Object.keys(options)) expect(stdout).to.include(`--${option}`);
      for (const variable of Object.keys(environment)) expect(stdout).to.include(variable);
    }
  });
});
