import { defaultCacheFolder } from '../cni/runtime/cache';
import type { Runtime } from '../cni/runtime/chain';
import type { Platform } from '../plugin/platform';
import type { Surroundings } from '../process';
import { invoke, type Plugins } from './invoke';
import { platformOf } from './platform';
import { withProgress } from './tracing';

/** The variables that say where networks and plugins are, as cnitool reads them. */
export const runtimeEnvironment = {
  NETCONFPATH: 'the folder of network configurations; /etc/cni/net.d by default',
  CNI_PATH: 'the folders of plugins, separated by colons; /opt/cni/bin by default',
} as const;

/** The runtime that this process is for the length of a command. */
export interface CommandRuntime extends Runtime {
  platform: Platform;
  plugins: Plugins;
  /** NETCONFPATH. */
  folder: string;
}

/** `trace` is given a line for each step that is done. */
export function runtimeOf(around: Surroundings, options: Pick<Platform, 'trace' | 'programs'> = {}): CommandRuntime {
  const { env } = around;
  const platform = platformOf(around, options);
  const path = (env.CNI_PATH || '/opt/cni/bin').split(':').filter((folder) => folder !== '');
  const plugins = { platform, path };
  return {
    platform,
    plugins,
    folder: env.NETCONFPATH || '/etc/cni/net.d',
    cacheFolder: defaultCacheFolder,
    bootTime: platform.bootTime,
    invoke: (invocation) =>
      withProgress(around, `waiting for ${invocation.type} to ${invocation.command}`, () =>
        invoke(plugins, invocation),
      ),
    warn: platform.warn,
  };
}
