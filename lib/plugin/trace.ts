import { isAbsolute } from 'node:path';
import { lookup } from '../cni/decode';
import { appendToRegularFile } from '../cni/regular-file';
import type { Request } from '../cni/request';
import type { Applied, Step } from '../kernel/contract';
import { describe } from '../kernel/describe';

/** Is told of every run of steps. */
export type Tracer = (steps: readonly Step[], applied: Applied) => void;

/** One line per step: namespace, what, outcome and time, or the errno and the kernel's text. */
export function traceLines(steps: readonly Step[], applied: Applied): string[] {
  return steps.flatMap((step, i) => {
    const fault = applied.faults.find((f) => f.step === i);
    const outcome = applied.outcomes[i];
    const fate = fault
      ? ['FAILED', [fault.errno, fault.message, fault.extack].filter(Boolean).join(': ')].join(' ')
      : outcome && `${outcome.did} ${(outcome.us / 1000).toFixed(2)} ms`;
    return fate ? [`${step.ns.padEnd(4)}  ${describe(step)}  ${fate}`] : [];
  });
}

/**
 * A tracer that appends to the file which the configuration names (`"trestle": {"trace": "/path"}`): runtimes throw
 * stderr away. A trace that cannot be written is worth a warning, never a pod.
 */
export function tracerFor(request: Request, warn: (message: string) => void): Tracer {
  const settings = lookup(request.config, 'trestle');
  const path =
    settings !== null && typeof settings === 'object' && lookup(settings as Record<string, unknown>, 'trace');
  if (typeof path !== 'string' || !isAbsolute(path)) return () => {};
  const prefix = [request.command, request.type, request.containerId, request.ifname].filter(Boolean).join(' ');
  return (steps, applied) => {
    try {
      const lines = traceLines(steps, applied).map((line) => `${prefix}  ${line}\n`);
      appendToRegularFile(path, lines.join(''));
    } catch (error) {
      warn(`trace ${path}: ${(error as Error).message}`);
    }
  };
}
