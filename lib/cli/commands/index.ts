import type { Command } from '../command';
import { attachments } from './attachments';

/** The commands, in the order in which the help lists them. */
export const commands: readonly Command[] = [attachments];
