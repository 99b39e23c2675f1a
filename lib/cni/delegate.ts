import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { configVersion, decodeConfig, lookup } from './decode';
import { CniError, ErrorCode } from './errors';
import { type Exit, maxOutput, type ProgramOptions, run } from './exec';
import { parseResult } from './parse-result';
import type { Request } from './request';
import type { Result } from './result';

export interface DelegateCall extends ProgramOptions {
  /** The delegate's type: the name of its program. */
  type: string;
  /** Where to look for it: CNI_PATH, split. */
  path: readonly string[];
  command: Request['command'];
  /** Everything that the delegate finds in its environment; CNI_COMMAND is replaced by `command`. */
  env: Readonly<Record<string, string | undefined>>;
  /** The configuration. */
  stdin: Uint8Array;
  /** Where its stderr goes; a number is a descriptor. Default: this process's own. */
  stderr?: 'inherit' | number;
  /** Kills it. The call still waits for its end, so that what follows does not run beside it. */
  signal?: AbortSignal | undefined;
  /** An ADD may print nothing, and the answer is undefined then. */
  resultOptional?: true;
  /** Is told how the program ended ("exit status 0"), or why it could not be started. */
  ended?: (program: string, status: string) => void;
}

/**
 * Runs another CNI plugin as the specification's section "Plugin delegation" has it, and returns its result if the
 * command was ADD. Throws the delegate's own code, message and details; code 7 for a type that is no plain file name;
 * 999 in libcni's words where it could not be found or run, or failed without saying why; 6 for a broken result.
 */
export async function execDelegate(call: DelegateCall): Promise<Result | undefined> {
  const program = findPlugin(call.type, call.path);
  const exit = await run({ ...call, program, env: { ...call.env, CNI_COMMAND: call.command } }).catch(
    (error: Error) => {
      call.ended?.(program, error.message);
      throw new CniError(ErrorCode.internal, `failed to run plugin "${call.type}" (${program})`, '', { cause: error });
    },
  );
  call.ended?.(program, exit.status);
  if (call.signal?.aborted) throw new CniError(ErrorCode.internal, `plugin "${call.type}" was interrupted`);
  if (exit.tooLong) {
    throw new CniError(ErrorCode.decode, `invalid result of "${call.type}": it has more than ${maxOutput} bytes`);
  }
  if (exit.status !== 'exit status 0') throw failure(exit);
  const isMissing = call.resultOptional === true && exit.stdout === '';
  return call.command === 'ADD' && !isMissing ? resultOf(call, exit.stdout) : undefined;
}

/**
 * The first regular file of that name along the path, absolute: a bare name would be looked for along PATH when it is
 * run. A name that could lead out of the path is refused.
 */
export function findPlugin(type: string, path: readonly string[]): string {
  if (!isFileName(type)) {
    throw new CniError(ErrorCode.invalidConfig, `invalid plugin name: ${JSON.stringify(type)}`);
  }
  const program = path.map((folder) => resolve(folder, type)).find(isFile);
  if (program !== undefined) return program;
  throw new CniError(ErrorCode.internal, `failed to find plugin ${JSON.stringify(type)} in path [${path.join(' ')}]`);
}

/** Whether {@link findPlugin} finds one. */
export function hasPlugin(type: string, path: readonly string[]): boolean {
  return isFileName(type) && path.some((folder) => isFile(resolve(folder, type)));
}

const isFileName = (type: string): boolean => type !== '' && type !== '.' && type !== '..' && !/[/\0]/.test(type);

function isFile(path: string): boolean {
  // Not only ENOENT: a folder that cannot be read has no plugin for us either, and the next one may.
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function resultOf({ type, stdin }: DelegateCall, stdout: string): Result {
  const subject = `result of "${type}"`;
  const printed = parseOutput(stdout);
  if (printed instanceof SyntaxError) {
    throw new CniError(ErrorCode.decode, `invalid ${subject}: ${printed.message}`);
  }
  return parseResult(printed ?? {}, configVersion(decodeConfig(stdin)), subject);
}

/** The error that a failed delegate printed, or libcni's words for one that printed none. */
function failure({ stdout, status }: Exit): CniError {
  if (stdout === '') return new CniError(ErrorCode.internal, `netplugin failed with no error message: ${status}`);
  const printed = parseOutput(stdout);
  if (printed !== null && typeof printed === 'object' && !(printed instanceof SyntaxError)) {
    return printedError(printed as Record<string, unknown>);
  }
  const why = printed instanceof SyntaxError ? printed.message : 'not an object';
  const msg = `netplugin failed but error parsing its diagnostic message ${JSON.stringify(stdout)}: ${why}`;
  return new CniError(ErrorCode.internal, msg);
}

function printedError(printed: Record<string, unknown>): CniError {
  const code = lookup(printed, 'code');
  const [msg, details] = [lookup(printed, 'msg'), lookup(printed, 'details')].map(textOf);
  return new CniError(isCode(code) ? code : ErrorCode.internal, msg || 'netplugin failed', details);
}

const isCode = (code: unknown): code is number => Number.isSafeInteger(code) && (code as number) > 0;

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
}

function parseOutput(stdout: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch (error) {
    return error;
  }
}
