import { errorObject } from '../cni/errors';
import type { Applied, Step } from '../kernel/contract';
import { describe } from '../kernel/describe';

/** What a line is about: a step in a namespace, addresses, another program, or the request itself. */
type Subject = Step['ns'] | 'ipam' | 'exec' | 'end';

/** Fields are separated by two blanks, which occur in none of them. */
function line(subject: Subject, what: string, fate: string, us: number): string {
  return [subject.padEnd(4), what, fate, `${(us / 1000).toFixed(2)} ms`].map(oneLine).join('  ');
}

/** Without what would end the line, or tell a terminal to do something: errors may quote what a caller has sent. */
export function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+\s*/g, ' ').replace(/(\S) {2,}/g, '$1 ');
}

/**
 * A line per step that was tried: its namespace, what it is, its outcome or errno and the kernel's text, and its time.
 * `undoing`: the steps take back what others did.
 */
export function stepLines(steps: readonly Step[], applied: Applied, undoing = false): string[] {
  return steps.flatMap((step, i) => {
    const what = `${undoing ? 'undo: ' : ''}${describe(step)}`;
    const fault = applied.faults.find((it) => it.step === i);
    if (fault) {
      const reason = [fault.errno, fault.message, fault.extack].filter(Boolean).join(': ');
      return [line(step.ns, what, `FAILED ${reason}`, fault.us)];
    }
    const outcome = applied.outcomes[i];
    return outcome ? [line(step.ns, what, outcome.did, outcome.us)] : [];
  });
}

/** What an IPAM plugin was asked and did. */
export interface IpamDone {
  type: string;
  command: string;
  /** Those that it gave, or released as far as that is known. */
  addresses: readonly string[];
  error?: unknown;
  us: number;
}

/** "ipam  host-local ADD: 10.1.2.3/24  got  0.90 ms" */
export function ipamLine({ type, command, addresses, error, us }: IpamDone): string {
  const what = [`${type} ${command}`, addresses.join(', ')].filter(Boolean).join(': ');
  const did = command === 'ADD' ? 'got' : 'released';
  const fate = error === undefined ? (addresses.length > 0 ? did : 'done') : failed(error);
  return line('ipam', what, fate, us);
}

/** A plugin that was run as a program of its own. */
export interface Executed {
  /** Its path. */
  program: string;
  /** CNI_COMMAND */
  command: string;
  /** "exit status 1", "signal: SIGKILL", or why it could not be started. */
  status: string;
  us: number;
}

/** "exec  /opt/cni/bin/dhcp ADD  exit status 0  12.10 ms" */
export function execLine({ program, command, status, us }: Executed): string {
  return line('exec', `${program} ${command}`, status, us);
}

/** The last line of a request: how it ended, with the code and the message that the runtime is told, and how long it took. */
export function endLine(command: string, us: number, error?: unknown): string {
  return line('end', command, error === undefined ? 'done' : failed(error), us);
}

function failed(error: unknown): string {
  const { code, msg, details } = errorObject(error);
  return `FAILED code ${code}: ${[msg, details].filter(Boolean).join('; ')}`;
}
