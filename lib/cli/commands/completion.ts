import type { Command } from '../command';
import { bashCompletion } from '../completion';
import { commands } from '.';

export const completion: Command = {
  name: 'completion',
  summary: 'a script that makes bash complete commands, options, networks and namespaces',
  about: `
Prints a function for bash, made from the same description of the commands as this help.`,
  examples: [
    ['source <(trestle completion)', 'in this shell'],
    ['trestle completion > /etc/bash_completion.d/trestle', 'in every shell'],
  ],
  async run({ around }) {
    around.out(bashCompletion(commands));
    return 0;
  },
};
