import { existsSync } from 'node:fs';
import { listCache } from '../../cni/runtime/cache';
import { gcNetwork, type Valid } from '../../cni/runtime/chain';
import { type Command, type CommandCall, flag, UsageError, values } from '../command';
import { networkNamed } from '../networks';
import { type CommandRuntime, runtimeEnvironment, runtimeOf } from '../runtime';
import { pluginOptions, traceTo } from '../tracing';
import { whileIdle } from '../turns';

export const gc: Command = {
  name: 'gc',
  summary: "remove a network's attachments that are no longer valid",
  operands: 'NETWORK',
  arity: [1, 1],
  options: {
    live: { about: 'valid are those whose namespace still exists' },
    valid: { value: 'ID/IFNAME', multiple: true, about: 'this one is valid: its container ID and interface' },
    ...pluginOptions,
  },
  environment: runtimeEnvironment,
  about: `
Runs DEL for every attachment in /var/lib/cni/results that is not valid, then GC of every plugin, which removes what
nobody has on record. Without --live and --valid, NO attachment of the network is valid, and all of them end: so does
cnitool, and so can a network be emptied. Networks have GC of plugins from cniVersion 1.1.0 on.`,
  examples: [
    ['trestle gc mynet --live', 'after a crash: what is left of pods that are gone'],
    ['trestle gc mynet --valid 4f3c/eth0', 'all but this one'],
    ['trestle gc mynet', 'all'],
  ],
  async run(call) {
    const { around, operands } = call;
    const runtime = runtimeOf(around, traceTo(around, flag(call, 'trace')));
    const network = networkNamed(runtime, operands[0] ?? '');
    const named = values(call, 'valid').map(parse);
    await whileIdle(runtime, network.name, (patient) =>
      gcNetwork(patient, network, validIn(call, patient, network.name, named)),
    );
    return 0;
  },
};

/** Undefined where nothing was said: then the plugins get no list, and remove nothing of their own accord. */
function validIn(
  call: CommandCall,
  { cacheFolder }: CommandRuntime,
  name: string,
  named: Valid[],
): Valid[] | undefined {
  if (!flag(call, 'live')) return named.length > 0 ? named : undefined;
  // An older libcni has not kept the namespace: where the result does not tell it either, nothing is known.
  const live = listCache(cacheFolder).filter(
    ({ network, netns }) => network === name && (netns === '' || existsSync(netns)),
  );
  return [...named, ...live];
}

function parse(text: string): Valid {
  const [containerId, ifname, ...more] = text.split('/');
  if (containerId && ifname && more.length === 0) return { containerId, ifname };
  throw new UsageError(`--valid: expected ID/IFNAME, found "${text}"`);
}
