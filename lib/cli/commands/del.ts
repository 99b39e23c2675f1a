import { delNetwork } from '../../cni/runtime/chain';
import { attachmentEnvironment } from '../attachment';
import type { Command } from '../command';
import { asAdded, onAttachment } from '../on-attachment';
import { pluginOptions } from '../tracing';

export const del: Command = {
  name: 'del',
  summary: 'detach a network namespace from a network',
  operands: 'NETWORK NETNS',
  arity: [2, 2],
  options: pluginOptions,
  environment: attachmentEnvironment,
  about: `
Runs DEL of every plugin of NETWORK, the last one first. It may be run again, and when the namespace is gone; what
"cnitool add" has attached it detaches too. Where the network's file is gone, the one that the ADD has kept is used.`,
  examples: [
    ['trestle del mynet blue', 'as eth0'],
    ['CNI_IFNAME=eth1 trestle del other blue', 'a second network'],
  ],
  run: (call) =>
    onAttachment(call, async (runtime, name, given) => {
      const { network, attachment } = asAdded(runtime, name, given);
      await delNetwork(runtime, network, attachment);
    }),
};
