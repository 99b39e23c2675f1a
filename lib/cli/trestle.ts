import { version } from '../../package.json';
import { listRecords } from '../plugin/records';
import { plugins } from '../plugins';
import type { Surroundings } from '../process';
import { platformOf } from './platform';

const help = `trestle ${version}: CNI plugins for Linux

  trestle attachments [--json]  what Trestle's plugins have attached on this node since it booted
  trestle plugin TYPE           serve one CNI request (CNI_* and standard input) as the plugin TYPE
  trestle plugins               the plugin types that this program is
  trestle version               the version of this program

Container runtimes call the plugins by their own names, in the folder where this program is installed.
`;

/** Serves a request as a plugin of that type. */
export type ServePlugin = (type: string, around: Surroundings) => Promise<number>;

/** The `trestle` command. Answers with the exit status: 2 for a call that cannot be understood. */
export async function trestle(around: Surroundings, servePlugin: ServePlugin): Promise<number> {
  const [command = 'help', ...rest] = around.args;
  switch (command) {
    case 'help':
    case '--help':
    case '-h':
      return say(around, help);
    case 'version':
    case '--version':
      return say(around, `${version}\n`);
    case 'plugins':
      return say(around, `${[...plugins.keys()].join('\n')}\n`);
    case 'attachments':
      return attachments(around, rest.includes('--json'));
    case 'plugin':
      return plugins.has(rest[0] ?? '')
        ? servePlugin(rest[0] as string, around)
        : misuse(around, `no plugin of type "${rest[0] ?? ''}"`);
    default:
      return misuse(around, `no command "${command}"`);
  }
}

function say({ out }: Surroundings, text: string): number {
  out(text);
  return 0;
}

function misuse({ err }: Surroundings, complaint: string): number {
  err(`trestle: ${complaint}; see trestle help\n`);
  return 2;
}

function attachments(around: Surroundings, json: boolean): number {
  const records = listRecords(platformOf(around));
  if (json) return say(around, `${JSON.stringify(records, null, 2)}\n`);
  const lines = records.map(({ network, containerId, ifname, type, state, links }) =>
    [network, containerId, ifname, type, state, links.map(({ name }) => name).join(',')].join('\t'),
  );
  return say(around, lines.map((line) => `${line}\n`).join(''));
}
