import { version } from '../../package.json';
import type { Command } from './command';
import { usage } from './help';

/** The manual page trestle(1), in roff with the macros of man(7). */
export function manPage(commands: readonly Command[]): string {
  const environment = Object.assign({}, ...commands.map((command) => command.environment ?? {}));
  return [
    `.TH TRESTLE 1 "" "Trestle ${version}" "User Commands"`,
    '.SH NAME',
    `trestle ${roff('-')} attach network namespaces to CNI networks, and see what happens`,
    '.SH SYNOPSIS',
    ...commands.flatMap((command) => ['.nf', roff(usage(command)), '.fi']),
    '.SH DESCRIPTION',
    roff(description),
    '.SH COMMANDS',
    ...commands.flatMap(commandSection),
    '.SH EXIT STATUS',
    ...items(exitStatus),
    '.SH ENVIRONMENT',
    ...items([...Object.entries<string>(environment), ['NO_COLOR', 'if it is not empty, nothing is coloured']]),
    '.SH FILES',
    ...items(files),
    '.SH SEE ALSO',
    '.BR ip-netns (8),',
    '.BR nft (8),',
    '.BR bridge (8)',
    '',
  ].join('\n');
}

const description =
  'Trestle is a set of CNI plugins. This command does by hand what a container runtime does with them, and with the ' +
  'plugins of others: its own plugins run in its process, those of others are executed along CNI_PATH.';

const exitStatus: readonly Pair[] = [
  ['0', 'It is done.'],
  ['1', 'It failed; stderr says what, on which object, and with which error of the kernel.'],
  ['2', 'The call could not be understood.'],
  ['other', 'That of the command which "trestle run" was to run; 128 and the signal\'s number if a signal ended it.'],
];

const files: readonly Pair[] = [
  ['/etc/cni/net.d', 'configurations of networks'],
  ['/opt/cni/bin', 'plugins'],
  ['/var/lib/cni/results', "libcni's cache of results, which this command shares"],
  ['/run/trestle', 'attachment records and locks; gone with the kernel that they are about'],
];

type Pair = readonly [term: string, text: string];

function commandSection({ name, operands = '', summary, about, options = {}, examples }: Command): string[] {
  return [
    `.SS ${quoted(['trestle', name, operands].filter(Boolean).join(' '))}`,
    `${roff(capital(summary))}.`,
    ...about
      .trim()
      .split('\n\n')
      .flatMap((paragraph) => ['.PP', roff(paragraph)]),
    ...items(
      Object.entries(options).map(([option, { value, about: text }]) => [
        [`--${option}`, value].filter(Boolean).join(' '),
        text,
      ]),
    ),
    ...examples.flatMap(([line, purpose]) => [
      '.PP',
      `${roff(capital(purpose))}:`,
      '.RS',
      '.nf',
      roff(line),
      '.fi',
      '.RE',
    ]),
  ];
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const items = (pairs: readonly Pair[]): string[] =>
  pairs.flatMap(([term, text]) => ['.TP', `.B ${quoted(term)}`, roff(text)]);

const quoted = (text: string): string => `"${roff(text).replaceAll('"', '""')}"`;

/** A backslash, a hyphen that is to stay one, and what would be a request at the beginning of a line. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replaceAll(/^([.'])/gm, '\\&$1');
}
