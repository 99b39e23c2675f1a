import { hostLocal } from '../ipam/host-local';
import { staticIpam } from '../ipam/static';
import type { Plugin } from '../plugin/define';
import { bridge } from './bridge/bridge';
import { loopback } from './loopback';
import { portmap } from './portmap/portmap';

/** Every plugin of this program, by type: what is installed under these names, and what is a delegate in process. */
export const plugins: ReadonlyMap<string, Plugin> = new Map<string, Plugin>(
  [bridge, loopback, portmap, hostLocal, staticIpam].map((plugin) => [plugin.type, plugin]),
);
