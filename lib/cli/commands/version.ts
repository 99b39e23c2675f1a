import { version as ours } from '../../../package.json';
import type { Command } from '../command';

export const version: Command = {
  name: 'version',
  summary: 'the version of this program',
  about: 'Prints the version. That of the protocol is for each plugin to say, when a runtime asks it for VERSION.',
  examples: [['trestle version', 'this one']],
  async run({ around }) {
    around.out(`${ours}\n`);
    return 0;
  },
};
