import type { Command } from '../command';
import { add } from './add';
import { attachments } from './attachments';
import { check } from './check';
import { del } from './del';
import { gc } from './gc';
import { status } from './status';

/** The commands, in the order in which the help lists them. */
export const commands: readonly Command[] = [add, check, del, gc, status, attachments];
