import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { parseArgs } from '../cni/args';
import { assertIfname } from '../cni/environment';
import type { Attachment } from '../cni/runtime/cache';
import type { Surroundings } from '../process';
import { CommandError } from './command';
import { runtimeEnvironment } from './runtime';

/** The variables that say what a single attachment is. */
export const attachmentEnvironment = {
  ...runtimeEnvironment,
  CNI_IFNAME: "the interface's name in the container; eth0 by default",
  CNI_ARGS: 'arguments for the plugins: "KEY=VALUE;KEY=VALUE"',
  CAP_ARGS: 'what the capabilities of plugins ask for, a JSON object: {"portMappings": […]}',
} as const;

/** A namespace by its path, its name (as `ip netns` has it) or the id of a process in it. */
export function netnsPath(operand: string): string {
  if (/^\d+$/.test(operand)) return `/proc/${operand}/ns/net`;
  return operand.includes('/') ? resolve(operand) : `/run/netns/${operand}`;
}

/** The container ID that cnitool gives a namespace, so that either can detach what the other has attached. */
export function containerIdFor(netns: string): string {
  return `cnitool-${createHash('sha512').update(netns).digest('hex').slice(0, 20)}`;
}

/** What the environment says of an attachment. Throws {@link CommandError}, or {@link CniError} 4 for CNI_ARGS. */
export function attachmentOf({ env }: Surroundings, netnsOperand: string): Attachment {
  const netns = netnsPath(netnsOperand);
  return {
    containerId: containerIdFor(netns),
    netns,
    ifname: ifnameIn(env),
    args: parseArgs(env.CNI_ARGS ?? '').pairs,
    capabilityArgs: capabilityArgs(env.CAP_ARGS ?? ''),
  };
}

/** Checked here, since the kept result has it in the name of its file, and not every plugin looks. */
function ifnameIn({ CNI_IFNAME: ifname = '' }: Surroundings['env']): string {
  if (ifname === '') return 'eth0';
  try {
    assertIfname(ifname);
  } catch (error) {
    throw new CommandError(`CNI_IFNAME: ${(error as Error).message}`);
  }
  return ifname;
}

function capabilityArgs(text: string): Record<string, unknown> {
  if (text === '') return {};
  try {
    const args: unknown = JSON.parse(text);
    if (args !== null && typeof args === 'object' && !Array.isArray(args)) return args as Record<string, unknown>;
    throw new Error('expected an object');
  } catch (error) {
    throw new CommandError(`CAP_ARGS: ${(error as Error).message}`);
  }
}
