import { CniError, errorReport } from '../cni/errors';
import { KernelError } from '../kernel/errors';
import type { Surroundings } from '../process';
import { understand } from './arguments';
import { type Command, type CommandCall, CommandError, flag, UsageError } from './command';
import { commands } from './commands';
import { manual, overview } from './help';
import { paintFor } from './paint';

/** Options that stand where a command is expected. */
const aliases: Readonly<Record<string, string>> = { '--help': 'help', '-h': 'help', '--version': 'version' };

/** The `trestle` command. Answers with the exit status: 2 for a call that cannot be understood. */
export async function trestle(around: Surroundings): Promise<number> {
  const [first = 'help', ...args] = around.args;
  const name = aliases[first] ?? first;
  if (name === 'help') return help(around, args);
  const command = commands.find((one) => one.name === name);
  return command ? serve(command, args, around) : misuse(around, `no command "${name}"`);
}

async function serve(command: Command, args: readonly string[], around: Surroundings): Promise<number> {
  try {
    const call = understand(command, args, around);
    return call === 'help' ? say(around, manual(command, paintOut(around))) : await carryOut(command, call);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return misuse(around, `${command.name}: ${error.message}`, `trestle ${command.name} --help`);
  }
}

/** With --json a failure is told as a runtime would be, on stdout; not where that is another program's. */
async function carryOut(command: Command, call: CommandCall): Promise<number> {
  const { around } = call;
  try {
    return await command.run(call);
  } catch (error) {
    if (!isFailure(error)) throw error;
    if (flag(call, 'json') && !command.takesCommand) around.out(`${errorReport(error)}\n`);
    else around.err(`${paintErr(around).red('trestle:')} ${error.message}\n`);
    return 1;
  }
}

/** Of what was to be done; anything else is a mistake of ours. */
function isFailure(error: unknown): error is Error {
  return [CommandError, CniError, KernelError].some((kind) => error instanceof kind);
}

function help(around: Surroundings, [name]: readonly string[]): number {
  if (name === undefined) return say(around, overview(commands, paintOut(around)));
  const command = commands.find((one) => one.name === name);
  return command ? say(around, manual(command, paintOut(around))) : misuse(around, `no command "${name}"`);
}

const paintOut = ({ env, outIsTerminal }: Surroundings) => paintFor(outIsTerminal, env);
const paintErr = ({ env, errIsTerminal }: Surroundings) => paintFor(errIsTerminal, env);

function say({ out }: Surroundings, text: string): number {
  out(text);
  return 0;
}

function misuse({ err }: Surroundings, complaint: string, where = 'trestle help'): number {
  err(`trestle: ${complaint}; see ${where}\n`);
  return 2;
}
