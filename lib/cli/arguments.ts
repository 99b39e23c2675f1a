import { parseArgs } from 'node:util';
import type { Surroundings } from '../process';
import { type Command, type CommandCall, UsageError } from './command';

/** What every command has beside its own. */
const help = { type: 'boolean', short: 'h' } as const;

/** The arguments of a command, or 'help' when they ask for that. Throws {@link UsageError}. */
export function understand(command: Command, args: readonly string[], around: Surroundings): CommandCall | 'help' {
  const { own, foreign } = divide(command, args);
  const { values, positionals } = parse(command, own);
  if (values.help === true) return 'help';
  demandArity(command, positionals);
  if (command.takesCommand && foreign.length === 0) throw new UsageError('no command after --');
  return { around, operands: positionals, options: values as CommandCall['options'], command: foreign };
}

/** Nothing after `--` is ours; before it is what we do not know is a mistake. */
function divide({ takesCommand }: Command, args: readonly string[]): { own: string[]; foreign: string[] } {
  const at = takesCommand ? args.indexOf('--') : -1;
  return at < 0 ? { own: [...args], foreign: [] } : { own: args.slice(0, at), foreign: args.slice(at + 1) };
}

function parse(
  { options = {} }: Command,
  args: string[],
): Pick<ReturnType<typeof parseArgs>, 'values' | 'positionals'> {
  const known = Object.entries(options).map(([name, { value, multiple }]) => [
    name,
    { type: value === undefined ? 'boolean' : 'string', ...(multiple && { multiple, default: [] }) } as const,
  ]);
  try {
    return parseArgs({ args, options: { ...Object.fromEntries(known), help }, allowPositionals: true });
  } catch (error) {
    // "Unknown option '--nett'. To specify a positional …": the first sentence is the error.
    const [reason = ''] = (error as Error).message.split(/\. |\n/);
    throw new UsageError(reason.charAt(0).toLowerCase() + reason.slice(1));
  }
}

function demandArity({ takesCommand, operands = '', arity = [0, 0] }: Command, given: readonly string[]): void {
  const [least, most] = arity;
  if (given.length < least) throw new UsageError(`${operands.split(' ')[given.length]} is missing`);
  if (given.length <= most) return;
  const hint = takesCommand ? ': the command to run stands after --' : '';
  throw new UsageError(`unexpected "${given[most]}"${hint}`);
}
