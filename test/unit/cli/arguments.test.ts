import { expect } from 'chai';
import { understand } from '../../../lib/cli/arguments';
import { type Command, flag, UsageError, value, values } from '../../../lib/cli/command';
import type { Surroundings } from '../../../lib/process';

const around = {} as Surroundings;

const command: Command = {
  name: 'do',
  summary: 'does something',
  about: '',
  examples: [],
  operands: 'THIS THAT',
  arity: [1, 2],
  options: {
    loud: { about: 'loudly' },
    name: { value: 'NAME', about: 'under that name' },
    also: { value: 'NAME', multiple: true, about: 'and this' },
  },
  run: async () => 0,
};

const runner: Command = { ...command, operands: '', arity: [0, 0], takesCommand: true };

describe('The arguments of a command', () => {
  function understood(of: Command, ...args: string[]) {
    const call = understand(of, args, around);
    if (call === 'help') return call;
    const { operands, command: foreign } = call;
    return { operands, foreign, loud: flag(call, 'loud'), name: value(call, 'name'), also: values(call, 'also') };
  }

  const nothing = { operands: [] as string[], foreign: [] as string[], loud: false, name: undefined, also: [] };

  it('are operands and options, in any order', () => {
    expect(understood(command, '--also', 'x', 'one', '--loud', '--name=n', 'two', '--also', 'y')).to.deep.equal({
      operands: ['one', 'two'],
      foreign: [],
      loud: true,
      name: 'n',
      also: ['x', 'y'],
    });
    expect(understood(command, 'one')).to.deep.equal({ ...nothing, operands: ['one'] });
  });

  it('end where the command of somebody else begins', () => {
    expect(understood(runner, '--loud', '--', 'ip', '--json', '--', '--help')).to.deep.equal({
      ...nothing,
      loud: true,
      foreign: ['ip', '--json', '--', '--help'],
    });
  });

  it('may ask for help', () => {
    expect([understood(command, '--help'), understood(command, 'a', 'b', 'c', '-h')]).to.deep.equal(['help', 'help']);
  });

  const mistakes: Record<string, [of: Command, args: string[], text: string | RegExp]> = {
    'too few': [command, [], 'THIS is missing'],
    'too many': [command, ['a', 'b', 'c'], 'unexpected "c"'],
    'an option that is none': [command, ['a', '--lod'], /^unknown option '--lod'$/],
    'an option without its value': [command, ['a', '--name'], /^option '--name <value>' argument missing$/],
    'a value for an option that has none': [
      command,
      ['a', '--loud=yes'],
      /^option '--loud' does not take an argument$/,
    ],
    'no command after --': [runner, ['--'], 'no command after --'],
    'no -- at all': [runner, [], 'no command after --'],
    'a command without --': [runner, ['ip', 'addr'], 'unexpected "ip": the command to run stands after --'],
  };
  for (const [title, [of, args, text]] of Object.entries(mistakes)) {
    it(`are a mistake when there is ${title}`, () => {
      expect(() => understood(of, ...args))
        .to.throw(UsageError)
        .with.property('message')
        .that.matches(text instanceof RegExp ? text : new RegExp(`^${text}$`));
    });
  }
});
