import { checkNetwork } from '../../cni/runtime/chain';
import { attachmentEnvironment } from '../attachment';
import type { Command } from '../command';
import { asAdded, onAttachment } from '../on-attachment';
import { pluginOptions } from '../tracing';

export const check: Command = {
  name: 'check',
  summary: 'ask whether an attachment is still as it was added',
  operands: 'NETWORK NETNS',
  arity: [2, 2],
  options: pluginOptions,
  environment: attachmentEnvironment,
  about: `
Runs CHECK of every plugin of NETWORK, in order, with the result that the ADD has left in /var/lib/cni/results.
Says everything that is no longer true, and then ends with 1. Networks have it from cniVersion 0.4.0 on.`,
  examples: [['trestle check mynet blue', 'nothing is printed when all is well']],
  run: (call) =>
    onAttachment(call, async (runtime, name, given) => {
      const { network, attachment } = asAdded(runtime, name, given);
      await checkNetwork(runtime, network, attachment);
    }),
};
