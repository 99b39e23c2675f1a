import { join, resolve } from 'node:path';
import { PATH, type Ran } from './run';

/** The plugins that the tests drive: where `make install DESTDIR=build/stage` puts them, or those that TRESTLE_PLUGINS names. */
export const installedPlugins = resolve(
  process.env.TRESTLE_PLUGINS ?? resolve(__dirname, '../../build/stage/opt/cni/bin'),
);

/** The reference implementation, from Debian's package containernetworking-plugins. */
export const referencePlugins = '/usr/lib/cni';

/** One call of a plugin, as a runtime makes it. What is absent has the value that most tests want. */
export interface CniCall {
  /** "ADD" when absent. */
  command?: string;
  /** The pod's namespace: a path, or what `addPod` returned. Absent: CNI_NETNS is not set. */
  netns?: string | { path: string };
  /** "test" when absent. */
  containerId?: string;
  /** "eth0" when absent. */
  ifname?: string;
  /** Standard input: an object is written as JSON; text and bytes go as they are. */
  config?: object | string | Buffer;
  /** CNI_ARGS */
  args?: string;
  /** Added to the environment, or replacing what is there. */
  env?: Record<string, string>;
  /** The directory the plugin is called from, and CNI_PATH: the world's own when absent. */
  plugins?: string;
  /** Milliseconds until it is killed, as a runtime would. 120,000 when absent. */
  timeoutMs?: number;
}

export interface CniAnswer extends Ran {
  /** What it wrote to standard output, or null where that is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it as they like
  json: any;
}

/** The environment that a call gives to the plugin. */
export function cniEnvironment(call: CniCall, plugins: string): Record<string, string> {
  const netns = typeof call.netns === 'object' ? call.netns.path : call.netns;
  return {
    PATH,
    CNI_COMMAND: call.command ?? 'ADD',
    CNI_CONTAINERID: call.containerId ?? 'test',
    ...(netns !== undefined && { CNI_NETNS: netns }),
    CNI_IFNAME: call.ifname ?? 'eth0',
    CNI_PATH: plugins,
    ...(call.args !== undefined && { CNI_ARGS: call.args }),
    ...call.env,
  };
}

/** Standard input of a call. */
export function cniInput({ config = '' }: CniCall): string | Buffer {
  return typeof config === 'string' || Buffer.isBuffer(config) ? config : JSON.stringify(config);
}

export function pluginPath(type: string, plugins: string): string {
  return join(plugins, type);
}

export function cniAnswer(ran: Ran): CniAnswer {
  try {
    return { ...ran, json: JSON.parse(ran.stdout) };
  } catch {
    return { ...ran, json: null };
  }
}
