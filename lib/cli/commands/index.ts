import type { Command } from '../command';
import { add } from './add';
import { attachments } from './attachments';
import { check } from './check';
import { completion } from './completion';
import { daemon } from './daemon';
import { del } from './del';
import { explain } from './explain';
import { gc } from './gc';
import { man } from './man';
import { networks } from './networks';
import { plugin } from './plugin';
import { plugins } from './plugins';
import { run } from './run';
import { status } from './status';
import { version } from './version';

/** The commands, in the order in which the help lists them. */
export const commands: readonly Command[] = [
  run,
  explain,
  add,
  check,
  del,
  gc,
  status,
  networks,
  attachments,
  daemon,
  plugin,
  plugins,
  completion,
  man,
  version,
];
