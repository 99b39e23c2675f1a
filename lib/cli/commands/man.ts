import type { Command } from '../command';
import { manPage } from '../man';
import { commands } from '.';

export const man: Command = {
  name: 'man',
  summary: 'the manual page of this command',
  about: `
Prints trestle(1) for "man" or "groff", made from the same description of the commands as this help.`,
  examples: [
    ['trestle man | man -l -', 'read it'],
    ['trestle man > /usr/local/share/man/man1/trestle.1', 'install it'],
  ],
  async run({ around }) {
    around.out(manPage(commands));
    return 0;
  },
};
