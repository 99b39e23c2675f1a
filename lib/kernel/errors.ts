import type { KernelFault } from './contract';

/** A {@link KernelFault} as an error: "add address 10.1.2.3/24 to eth0 in the pod: EEXIST (File exists): <extack>". */
export class KernelError extends Error implements KernelFault {
  readonly op: string;
  readonly errno: string;
  readonly code: number;
  readonly extack: string;
  /** The fault as the addon gave it; its `message` has no operation in front. */
  readonly fault: KernelFault;

  constructor(fault: KernelFault, options?: ErrorOptions) {
    super(describeFault(fault), options);
    this.name = 'KernelError';
    this.fault = fault;
    this.op = fault.op;
    this.errno = fault.errno;
    this.code = fault.code;
    this.extack = fault.extack;
  }
}

/** One line: what was being done, the errno with its meaning, the kernel's own explanation. */
export function describeFault({ op, errno, message, extack }: KernelFault): string {
  const reason = errno === '' ? message : `${errno} (${message})`;
  return [op, reason, extack].filter((part) => part !== '').join(': ');
}
