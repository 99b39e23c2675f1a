import { addNetwork } from '../../cni/runtime/chain';
import { attachmentEnvironment } from '../attachment';
import type { Command } from '../command';
import { networkNamed } from '../networks';
import { onAttachment } from '../on-attachment';
import { pluginOptions } from '../tracing';

export const add: Command = {
  name: 'add',
  summary: 'attach a network namespace to a network',
  operands: 'NETWORK NETNS',
  arity: [2, 2],
  options: pluginOptions,
  environment: attachmentEnvironment,
  about: `
Runs ADD of every plugin of NETWORK, in order, and prints the result as JSON. NETNS is a path, a name that
"ip netns" knows, or the id of a process in the namespace. When a plugin fails, those before it are undone.`,
  examples: [
    ['trestle add mynet /run/netns/blue', 'as eth0'],
    ['CNI_IFNAME=eth1 trestle add other blue', 'a second network'],
    [`CAP_ARGS='{"ips": ["10.22.0.7/16"]}' trestle add mynet blue`, 'where a plugin has the capability "ips"'],
  ],
  run: (call) =>
    onAttachment(call, async (runtime, name, attachment) => {
      const result = await addNetwork(runtime, networkNamed(runtime, name), attachment);
      call.around.out(`${JSON.stringify(result, null, 4)}\n`);
    }),
};
