import { faultText, loadFile } from '../../cni/runtime/files';
import { attachmentEnvironment, attachmentOf } from '../attachment';
import { type Command, type CommandCall, CommandError, flag, value } from '../command';
import { observeHost } from '../explain/doubts/host';
import { explainPlugins, type Subject, withRecorded } from '../explain/explain';
import type { Explanation } from '../explain/story';
import { explanationText } from '../explain/text';
import { warningsFor } from '../explain/warnings';
import { paintFor } from '../paint';
import { runtimeOf } from '../runtime';

/** What a container is called that is yet to be made. */
const example = 'example';

export const explain: Command = {
  name: 'explain',
  summary: 'what an ADD of a network would do, step by step, without doing it',
  operands: 'FILE',
  arity: [1, 1],
  options: {
    netns: {
      value: 'NETNS',
      about: 'the namespace, by path, name or process id, that would be attached; a new one by default',
    },
    ifname: { value: 'NAME', about: 'the interface in it, instead of CNI_IFNAME or eth0' },
    json: { about: 'the same as JSON, each step as the plugins plan it' },
  },
  environment: attachmentEnvironment,
  about: `
Reads FILE (.conflist, .conf or .json) and prints what each of its plugins would do in the kernel, for ADD and for the
DEL after it: from the state of this host at this moment, with the address that would be given. Nothing is changed,
locked or run. Steps that stay after a DEL, because other pods may rely on them by then, say so. What is allowed and
probably not meant is listed as warnings: mistyped keys, subnets that the host uses, MTUs that differ.

The exit status is 1 where FILE cannot be used, or an ADD would be refused; the error is then shown as a runtime would
be told it. A plugin that is not part of Trestle would be executed; what it does is not known.`,
  examples: [
    ['trestle explain /etc/cni/net.d/10-mynet.conf', 'for a new pod'],
    ['trestle explain --netns blue --ifname eth1 10-mynet.conf', 'for a namespace that is there: would it work?'],
    ['trestle explain --json 10-mynet.conf', 'for a program'],
  ],
  async run(call) {
    const [file = ''] = call.operands;
    const network = loadFile(file);
    if ('reason' in network) throw new CommandError(faultText(network));
    const runtime = runtimeOf(call.around);
    const subject = subjectOf(call);
    const told = await explainPlugins(runtime.plugins, network, subject);
    const plugins = subject.hasPod ? withRecorded(runtime.plugins, network, subject, told.plugins) : told.plugins;
    const { containerId, ifname, netns } = subject.attachment;
    const explanation: Explanation = {
      file,
      network: network.name,
      cniVersion: network.cniVersion,
      attachment: { containerId, ifname, netns: subject.hasPod ? netns : null },
      ...told,
      plugins,
      warnings: warningsFor(runtime.plugins, network, await observeHost(runtime.platform.kernel)),
    };
    print(call, explanation);
    return explanation.refusal ? 1 : 0;
  },
};

function subjectOf(call: CommandCall): Subject {
  const netns = value(call, 'netns');
  const ifname = value(call, 'ifname');
  const attachment = { ...attachmentOf(call.around, netns ?? example), ...(ifname !== undefined && { ifname }) };
  return netns === undefined
    ? { attachment: { ...attachment, containerId: example }, hasPod: false }
    : { attachment, hasPod: true };
}

function print(call: CommandCall, explanation: Explanation): void {
  const { out, env, outIsTerminal } = call.around;
  const paint = paintFor(outIsTerminal, env);
  out(flag(call, 'json') ? `${JSON.stringify(explanation, null, 2)}\n` : explanationText(explanation, paint));
}
