import { statusNetwork } from '../../cni/runtime/chain';
import { type Command, flag } from '../command';
import { networkNamed } from '../networks';
import { runtimeEnvironment, runtimeOf } from '../runtime';
import { pluginOptions, traceTo } from '../tracing';

export const status: Command = {
  name: 'status',
  summary: 'ask whether pods can be attached to a network now',
  operands: 'NETWORK',
  arity: [1, 1],
  options: pluginOptions,
  environment: runtimeEnvironment,
  about: `
Runs STATUS of every plugin of NETWORK, and ends with 1 when one says that it cannot serve. Networks have it from
cniVersion 1.1.0 on; of an older one nothing is asked.`,
  examples: [['trestle status mynet', 'nothing is printed when all is well']],
  async run(call) {
    const { around, operands } = call;
    const runtime = runtimeOf(around, traceTo(around, flag(call, 'trace')));
    await statusNetwork(runtime, networkNamed(runtime, operands[0] ?? ''));
    return 0;
  },
};
