import type { ErrorObject } from '../../cni/errors';
import type { Paint } from '../paint';
import type { Action, Explanation, PluginStory, Warning } from './story';

/** An explanation for a person: what it is about, ADD, DEL, and what looks wrong. */
export function explanationText(explanation: Explanation, paint: Paint): string {
  const { plugins, refusal, warnings } = explanation;
  const deletions = [...plugins].reverse().filter(({ del }) => del.length > 0);
  return [
    ...heading(explanation, paint),
    '',
    paint.bold('ADD'),
    ...plugins.flatMap((plugin, i) => chapter(plugin, i + 1, addLines(plugin, paint), paint)),
    ...(deletions.length > 0 ? ['', paint.bold(`DEL${plugins.length > 1 ? ', the plugins in reverse' : ''}`)] : []),
    ...deletions.flatMap((plugin, i) =>
      chapter({ ...plugin, about: '' }, i + 1, actionLines(plugin.del, paint), paint),
    ),
    ...(refusal && deletions.length === 0 ? ['', 'There is nothing for a DEL to remove.'] : []),
    ...(warnings.length > 0 ? ['', paint.bold('Warnings')] : []),
    ...warnings.map((warning) => `  ${paint.yellow(placeText(warning))}: ${warning.text}`),
    '',
  ].join('\n');
}

function heading({ file, network, cniVersion, attachment, plugins }: Explanation, paint: Paint): string[] {
  const { containerId, ifname, netns } = attachment;
  const versionText = cniVersion === '' ? 'no cniVersion' : `CNI ${cniVersion}`;
  const count = plugins.length === 1 ? 'one plugin' : `${plugins.length} plugins`;
  return [
    `${paint.bold(network === '' ? 'A network without a name' : `Network "${network}"`)}: ${file}, ${versionText}, ${count}`,
    `${ifname} of container "${containerId}", ${netns === null ? 'in a new network namespace' : `in ${netns}`}. Nothing is changed.`,
  ];
}

function chapter({ type, about }: PluginStory, number: number, lines: readonly string[], paint: Paint): string[] {
  return [`  ${number}. ${paint.bold(type)}${about === '' ? '' : `: ${about}`}`, ...lines];
}

function addLines({ add, refusal, notReached }: PluginStory, paint: Paint): string[] {
  if (refusal) return [`       ${paint.red('refused')}  ${refusalText(refusal)}`];
  if (notReached) return ['       not reached'];
  return actionLines(add, paint);
}

/** "code 7: missing network name" */
export function refusalText({ code, msg, details }: ErrorObject): string {
  return `code ${code}: ${[msg, details].filter(Boolean).join('; ')}`;
}

function actionLines(actions: readonly Action[], paint: Paint): string[] {
  if (actions.length === 0) return ['       nothing'];
  return actions.map((action) => {
    const where = action.kind === 'step' ? action.ns : action.kind;
    const note = action.kind === 'step' && action.shared ? paint.dim('  (stays: others may use it)') : '';
    return `       ${where.padEnd(4)}  ${action.words}${note}`;
  });
}

/** "10-mynet.conf:3:5: ipMask" */
function placeText({ file, line, column, path }: Warning): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(':');
  return path === undefined ? place : `${place}: ${path}`;
}
