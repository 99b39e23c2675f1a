import { plugins } from '../plugins';
import type { Surroundings } from '../process';
import { servePlugin } from './serve';

/** The whole program: a plugin if it was called by a plugin's name, the `trestle` command otherwise. Answers with the exit status. */
export async function main(around: Surroundings): Promise<number> {
  if (plugins.has(around.name)) return servePlugin(around.name, around);
  // A bundle of its own, so that it does not make a plugin start later.
  const { trestle } = require('./trestle') as typeof import('./trestle');
  return trestle(around);
}
