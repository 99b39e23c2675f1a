import { plugins as all } from '../../plugins';
import type { Command } from '../command';

export const plugins: Command = {
  name: 'plugins',
  summary: 'the types of plugins that this program is',
  about: 'Prints one type per line: those under whose names it is installed.',
  examples: [['trestle plugins', 'all of them']],
  async run({ around }) {
    around.out(`${[...all.keys()].join('\n')}\n`);
    return 0;
  },
};
