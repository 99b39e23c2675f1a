/** Error codes of the specification (section "Error") and, from 8 on, of the reference's `skel`. */
export const ErrorCode = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  io: 5,
  decode: 6,
  invalidConfig: 7,
  netnsIsOwn: 8,
  tryAgainLater: 11,
  unavailable: 50,
  limitedConnectivity: 51,
  /** Ours (the specification leaves codes from 100 on to plugins): ADD of what a completed ADD has attached. */
  alreadyAttached: 100,
  /** Ours: CHECK found something that is no longer true. */
  checkFailed: 101,
  internal: 999,
} as const;

/** An error that a runtime is told: it becomes `{"code","msg","details"}` on stdout, and exit status 1. */
export class CniError extends Error {
  constructor(
    readonly code: number,
    readonly msg: string,
    readonly details = '',
    options?: ErrorOptions,
  ) {
    super(details === '' ? msg : `${msg}; ${details}`, options);
    this.name = 'CniError';
  }
}

/** What a runtime is told of an error. */
export interface ErrorObject {
  code: number;
  msg: string;
  details?: string;
}

/** Code and details of the first {@link CniError} in an error's chain of causes (999 without one), and one message for the whole chain. */
export function errorObject(error: unknown): ErrorObject {
  const known = causes(error).find((link) => link instanceof CniError);
  const told = { code: known?.code ?? ErrorCode.internal, msg: shortened(messageOf(error)) };
  return known?.details ? { ...told, details: shortened(known.details) } : told;
}

/** What is printed for an error: {@link errorObject} in the reference's layout. Never a stack. */
export function errorReport(error: unknown): string {
  return JSON.stringify(errorObject(error), null, 4);
}

/** Characters: more than any message needs, and less than a runtime's log would choke on. */
const longestText = 4096;

/** A text that may quote what a caller has sent, a megabyte of it even, as long as a message may be. */
export function shortened(text: string): string {
  return text.length <= longestText ? text : `${text.slice(0, longestText)}… (${text.length} characters)`;
}

/** The chain's messages, outermost first, each left out where what wraps it already says it. */
function messageOf(error: unknown): string {
  const messages = causes(error).map(ownMessage);
  const told = messages.filter(
    (message, i) => message !== '' && !messages.slice(0, i).some((outer) => outer.includes(message)),
  );
  return told.join(': ') || 'unknown error';
}

function ownMessage(error: unknown): string {
  if (error instanceof CniError) return error.msg;
  if (error instanceof AggregateError)
    return [error.message, error.errors.map(messageOf).join('; ')].filter(Boolean).join(': ');
  return error instanceof Error ? error.message : String(error);
}

/** The error and what caused it, outermost first. A chain that bites its own tail ends there. */
function causes(error: unknown): unknown[] {
  const chain = new Set<unknown>([error]);
  for (
    let link = error;
    link instanceof Error && link.cause !== undefined && !chain.has(link.cause);
    link = link.cause
  ) {
    chain.add(link.cause);
  }
  return [...chain];
}
