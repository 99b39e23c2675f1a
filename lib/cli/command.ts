import type { Surroundings } from '../process';

/** An option of a command, `--name` or `--name VALUE`. */
export interface Option {
  /** What stands for its value in the help; absent: it takes none. */
  value?: string;
  /** It may be given several times. */
  multiple?: true;
  about: string;
}

/** A subcommand of `trestle`: plain data, of which the help, the completion and the manual page are made, and what it does. */
export interface Command {
  name: string;
  /** One line of `trestle help`, without a full stop. */
  summary: string;
  /** As in the usage line: "NETWORK NETNS". */
  operands?: string;
  /** The least and the most operands that it takes; none by default. */
  arity?: readonly [number, number];
  /** Everything after `--` is a command line of somebody else, and there must be one. */
  takesCommand?: true;
  options?: Readonly<Record<string, Option>>;
  /** What it does, in paragraphs. */
  about: string;
  /** Command lines, and what each is for. */
  examples: readonly (readonly [line: string, purpose: string])[];
  /** Environment variables that it reads. */
  environment?: Readonly<Record<string, string>>;
  run(call: CommandCall): Promise<number>;
}

/** A call of a command, understood. */
export interface CommandCall {
  around: Surroundings;
  operands: readonly string[];
  /** `true` for an option without a value; a list of values (empty for none) for one that may be repeated. */
  options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  /** What stands after `--`. */
  command: readonly string[];
}

/** A call that cannot be understood: exit status 2. */
export class UsageError extends Error {}

/** A failure that is told as it is, without more: exit status 1. */
export class CommandError extends Error {}

export const flag = ({ options }: CommandCall, name: string): boolean => options[name] === true;

export function value({ options }: CommandCall, name: string): string | undefined {
  const given = options[name];
  return typeof given === 'string' ? given : undefined;
}

export function values({ options }: CommandCall, name: string): readonly string[] {
  const given = options[name];
  return Array.isArray(given) ? given : [];
}
