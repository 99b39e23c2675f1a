import type { Path } from './paths';

/** Something in a plugin's configuration that is allowed, and probably not meant. */
export interface Doubt {
  /** Leads there from the plugin's configuration; empty for the whole of it. */
  path: Path;
  text: string;
}
