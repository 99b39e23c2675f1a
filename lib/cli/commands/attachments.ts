import { listRecords } from '../../plugin/records';
import { type Command, flag } from '../command';
import { platformOf } from '../platform';

export const attachments: Command = {
  name: 'attachments',
  summary: "what Trestle's plugins have attached on this node since it booted",
  options: { json: { about: 'the records as they are, as a JSON list' } },
  about: `
One line per attachment: network, container ID, interface, plugin, state, and its links. An attachment that is
"incomplete" is being added or removed right now, or what did so was killed: the next ADD or DEL of it clears up.`,
  examples: [
    ['trestle attachments', 'all of them'],
    ['trestle attachments --json', 'for a program'],
  ],
  async run(call) {
    const records = listRecords(platformOf(call.around));
    if (flag(call, 'json')) {
      call.around.out(`${JSON.stringify(records, null, 2)}\n`);
      return 0;
    }
    const lines = records.map(({ network, containerId, ifname, type, state, links }) =>
      [network, containerId, ifname, type, state, links.map(({ name }) => name).join(',')].join('\t'),
    );
    call.around.out(lines.map((line) => `${line}\n`).join(''));
    return 0;
  },
};
