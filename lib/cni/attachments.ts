import * as v from 'valibot';
import { check } from './config';
import { lookup } from './decode';
import { ErrorCode } from './errors';

/** An attachment that GC must leave alone. */
export interface ValidAttachment {
  containerId: string;
  ifname: string;
}

/** The key of the specification, and the one that an early libcni used by mistake, which current ones send too. */
const keys = ['cni.dev/valid-attachments', 'cni.dev/attachments'] as const;

const list = v.array(v.object({ containerID: v.string(), ifname: v.string() }));

/**
 * The list of a GC's configuration; undefined when it has none (or null), which is not the same as an empty one.
 * Throws code 7 for anything but a complete list: what is not understood must not be taken for "not valid".
 */
export function parseValidAttachments(config: Record<string, unknown>): ValidAttachment[] | undefined {
  const key = keys.find((name) => lookup(config, name) !== undefined);
  if (key === undefined) return undefined;
  const given = { [key]: lookup(config, key) };
  const { [key]: entries } = check(v.object({ [key]: list }), given, ErrorCode.invalidConfig, 'invalid configuration');
  return entries?.map(({ containerID, ifname }) => ({ containerId: containerID, ifname }));
}
