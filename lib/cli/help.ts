import { version } from '../../package.json';
import type { Command } from './command';
import type { Paint } from './paint';

type Row = readonly [string, string];

/** What `trestle help` prints. */
export function overview(commands: readonly Command[], paint: Paint): string {
  return [
    `${paint.bold(`trestle ${version}`)}: CNI plugins for Linux`,
    '',
    ...table(commands.map(({ name, summary }): Row => [`trestle ${name}`, summary])),
    '',
    '`trestle COMMAND --help` tells more, with examples.',
    'Container runtimes call the plugins by their own names, in the folder where this program is installed.',
    '',
  ].join('\n');
}

/** What `trestle COMMAND --help` prints. */
export function manual(command: Command, paint: Paint): string {
  const { name, summary, about, examples, options = {}, environment = {} } = command;
  return [
    `${paint.bold(`trestle ${name}`)}: ${summary}`,
    '',
    `  ${usage(command)}`,
    '',
    about.trim(),
    ...section(paint, 'Options', [
      ...Object.entries(options).map(([option, { value, about: what }]): [string, string] => [
        `--${option}${value ? ` ${value}` : ''}`,
        what,
      ]),
      ['-h, --help', 'this text'],
    ]),
    ...section(paint, 'Environment', Object.entries(environment)),
    ...section(
      paint,
      'Examples',
      [],
      examples.map(([line, purpose]) => `  ${line}\n      ${paint.dim(purpose)}`),
    ),
    '',
  ].join('\n');
}

/** "trestle run [--network NAME]… [--trace] -- COMMAND [ARG]…" */
export function usage({ name, operands, options = {}, takesCommand }: Command): string {
  const optional = Object.entries(options).map(
    ([option, { value, multiple }]) => `[--${option}${value ? ` ${value}` : ''}]${multiple ? '…' : ''}`,
  );
  return ['trestle', name, ...optional, operands, takesCommand && '-- COMMAND [ARG]…'].filter(Boolean).join(' ');
}

function section(paint: Paint, title: string, rows: readonly Row[], lines: readonly string[] = table(rows)): string[] {
  return lines.length === 0 ? [] : ['', paint.bold(title), ...lines];
}

/** Two columns, the second begins where the longest of the first allows. */
function table(rows: readonly Row[]): string[] {
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
