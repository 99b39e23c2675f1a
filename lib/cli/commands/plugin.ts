import { plugins } from '../../plugins';
import { type Command, UsageError } from '../command';
import { servePlugin } from '../serve';

export const plugin: Command = {
  name: 'plugin',
  summary: 'serve one request of a container runtime as a plugin',
  operands: 'TYPE',
  arity: [1, 1],
  about: `
Does what the program of that name does in the folder where plugins are installed: takes CNI_COMMAND and the other
variables of the protocol, and the configuration on stdin; prints the result, or the error, on stdout. "trestle plugins"
lists the types.`,
  examples: [['CNI_COMMAND=VERSION trestle plugin bridge', 'the versions of the specification that it speaks']],
  async run({ around, operands: [type = ''] }) {
    if (!plugins.has(type)) throw new UsageError(`no plugin of type "${type}"`);
    return servePlugin(type, around);
  },
};
