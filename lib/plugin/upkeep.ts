import type { InterfacePlugin } from './define';
import { applyShared, learn, type Run } from './kernel-run';
import type { Platform } from './platform';
import { restoreAll } from './restore';
import { untraced } from './trace';

const interfacePlugins = ({ plugins }: Platform): InterfacePlugin[] =>
  [...plugins.values()].filter((plugin): plugin is InterfacePlugin => plugin.kind !== 'ipam');

/** The links whose addresses some plugin follows. */
export function followedLinks(platform: Platform): string[] {
  return interfacePlugins(platform).flatMap(({ upkeep }) => upkeep?.links ?? []);
}

/** Puts back what was taken away from our tables, and brings up to date what plugins keep in them beside attachments. */
export async function maintain(platform: Platform): Promise<void> {
  const run: Run = { kernel: platform.kernel, where: {}, hasPod: false, trace: untraced };
  await restoreAll(platform, run);
  for (const plugin of interfacePlugins(platform)) await keepUp(plugin, run);
}

/** Brings up to date what a plugin keeps in its tables beside attachments. */
export async function keepUp({ upkeep }: Pick<InterfacePlugin, 'upkeep'>, run: Run): Promise<void> {
  if (upkeep) await applyShared(run, upkeep.steps(await learn(run, upkeep.facts)));
}
