import { join } from 'node:path';
import { toVersion } from '../../cni/convert';
import { findPlugin } from '../../cni/delegate';
import { errorObject } from '../../cni/errors';
import { parseRequest, type Request } from '../../cni/request';
import type { Result } from '../../cni/result';
import type { Attachment } from '../../cni/runtime/cache';
import { configFor, told } from '../../cni/runtime/chain';
import type { Network, PluginConfig } from '../../cni/runtime/network';
import type { Step } from '../../kernel/contract';
import { newCall } from '../../plugin/call';
import type { InterfacePlugin, Plugin } from '../../plugin/define';
import { previewAdd, previewLease, previewRecorded } from '../../plugin/preview';
import { untraced } from '../../plugin/trace';
import { environment, isOurs, jsonOf, type Plugins } from '../invoke';
import { addActions, delActions, given } from './actions';
import type { Action, Explanation, PluginStory } from './story';

/** Whose attachment is explained. */
export interface Subject {
  attachment: Attachment;
  /** Whether its namespace is there; otherwise a new one is imagined. */
  hasPod: boolean;
}

type Json = Record<string, unknown>;

/** What a plugin would do, and what it would answer: undefined where nobody can know. */
interface Told {
  story: PluginStory;
  result?: Json | undefined;
}

/**
 * What an ADD of the network does at this moment, plugin by plugin, each with the planned result of the one before it. It
 * only reads. A refusal ends it, as it would end the ADD.
 */
export async function explainPlugins(
  plugins: Plugins,
  network: Network,
  subject: Subject,
): Promise<Pick<Explanation, 'plugins' | 'result' | 'refusal'>> {
  const stories: PluginStory[] = [];
  const steps: Step[] = [];
  let result: Json | undefined;
  for (const [i, plugin] of network.plugins.entries()) {
    const config = configFor(network, plugin, { attachment: subject.attachment, prevResult: result });
    try {
      const said = await explainPlugin(plugins, plugin, config, { ...subject, before: steps });
      steps.push(...said.story.add.flatMap((action) => (action.kind === 'step' ? [action.step] : [])));
      stories.push(said.story);
      result = said.result;
    } catch (error) {
      const refusal = errorObject(told(plugin, 'add', error));
      const refused: PluginStory = { ...untold(plugins, plugin), refusal };
      const rest = network.plugins
        .slice(i + 1)
        .map((one): PluginStory => ({ ...untold(plugins, one), notReached: true }));
      return { plugins: [...stories, refused, ...rest], refusal };
    }
  }
  const isKnown = stories.every(({ add }) => add.every(({ kind }) => kind !== 'exec'));
  return { plugins: stories, ...(result && isKnown && { result }) };
}

function untold({ platform }: Plugins, { type }: PluginConfig): PluginStory {
  return { type, about: platform.plugins.get(type)?.about ?? '', add: [], del: [] };
}

/** With what the plugins before it in the chain would have done. */
interface Turn extends Subject {
  before: readonly Step[];
}

async function explainPlugin(plugins: Plugins, { type }: PluginConfig, config: Json, subject: Turn): Promise<Told> {
  const plugin = plugins.platform.plugins.get(type);
  return plugin && isOurs(plugins, type)
    ? explainOurs(plugins, plugin, config, subject)
    : { story: foreign(type, findPlugin(type, plugins.path)), result: config.prevResult as Json | undefined };
}

/** What it will have done to the result cannot be known either: the next one gets the one before. */
function foreign(type: string, program: string): PluginStory {
  const action: Action = {
    kind: 'exec',
    words: `${program} (not part of Trestle): what it does is not known`,
    program,
  };
  return {
    type,
    about: '',
    add: [action],
    del: [action],
  };
}

async function explainOurs(plugins: Plugins, plugin: Plugin, config: Json, subject: Turn): Promise<Told> {
  const { type, about = '' } = plugin;
  const env = environment('ADD', plugins.path, subject.attachment);
  const nameless = plugin.kind !== 'ipam' && plugin.nameless === true;
  const request = parseRequest({ type, env, stdin: jsonOf(config) }, { nameless }) as Request;
  const { result, ...actions } =
    plugin.kind === 'ipam'
      ? await explainIpam(plugins, type, request)
      : await explainInterface(plugins, plugin, request, subject);
  return { story: { type, about, ...actions }, result: toVersion(result, request.cniVersion) };
}

type Actions = Pick<PluginStory, 'add' | 'del'> & { result: Result };

async function explainInterface(
  { platform }: Plugins,
  plugin: InterfacePlugin,
  request: Request,
  { hasPod, before }: Turn,
): Promise<Actions> {
  const folder = join(platform.stateDir, 'attachments');
  const preview = await previewAdd(newCall(platform, plugin, request, untraced), { hasPod, before });
  for (const warning of preview.warnings) platform.warn(warning);
  const { recorded, lease } = preview;
  return {
    add: addActions(preview, folder),
    del: delActions(preview.del, { recorded, folder, lease }),
    result: preview.result,
  };
}

/** An IPAM plugin as a plugin of its own. */
async function explainIpam({ platform }: Plugins, type: string, request: Request): Promise<Actions> {
  const lease = await previewLease({ platform, request }, type, false);
  const del = delActions({ steps: [], ipam: type }, { recorded: false, folder: '', lease });
  return { add: [given(lease)], del, result: lease.result };
}

/**
 * With what a DEL does to an attachment that is there, from the records of the plugins that have made it: where an ADD
 * would be refused because of that.
 */
export function withRecorded(
  plugins: Plugins,
  { name }: Pick<Network, 'name'>,
  { attachment: { containerId, ifname, netns } }: Subject,
  stories: readonly PluginStory[],
): PluginStory[] {
  const { platform } = plugins;
  const folder = join(platform.stateDir, 'attachments');
  const request = { name, containerId, ifname, netns } as Request;
  return stories.map((story) => {
    const plugin = isOurs(plugins, story.type) ? platform.plugins.get(story.type) : undefined;
    const isPlanned = !story.refusal && !story.notReached;
    if (isPlanned || plugin === undefined || plugin.kind === 'ipam') return story;
    const removal = previewRecorded(newCall(platform, plugin, request, untraced));
    return removal ? { ...story, del: delActions(removal, { recorded: true, folder }) } : story;
  });
}
