import type { Surroundings } from '../process';
import type { Option } from './command';
import { paintFor } from './paint';

/** The option of every command that calls plugins. */
export const traceOption: Option = { about: 'one line per step that is done, on stderr' };

/** The options of a command that does what plugins do, and has nothing but their errors to tell. */
export const pluginOptions: Readonly<Record<string, Option>> = {
  trace: traceOption,
  json: { about: 'an error as a runtime gets it, on stdout: an object with code, msg and details' },
};

/** Where the lines go, if they are wanted. */
export function traceTo(
  { env, err, errIsTerminal }: Surroundings,
  wanted: boolean,
): { trace?: (line: string) => void } {
  const paint = paintFor(errIsTerminal, env);
  const shown = (line: string) => (/\bFAILED\b/.test(line) ? paint.red(line) : paint.dim(line));
  return wanted ? { trace: (line) => err(`${shown(line)}\n`) } : {};
}

/** Milliseconds after which a person wants to know what is being waited for. */
const patience = 1000;

/** Says on a terminal what takes longer than a second. */
export async function withProgress<T>(
  { err, errIsTerminal, env }: Pick<Surroundings, 'err' | 'errIsTerminal' | 'env'>,
  doing: string,
  work: () => Promise<T>,
): Promise<T> {
  const timer = setTimeout(() => err(`${paintFor(true, env).dim(`${doing} …`)}\n`), patience);
  if (!errIsTerminal) clearTimeout(timer);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}
