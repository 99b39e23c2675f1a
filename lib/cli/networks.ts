import { faultText, loadNetworks, type NetworkFile } from '../cni/runtime/files';
import { CommandError } from './command';
import type { CommandRuntime } from './runtime';

/** The usable networks of the folder; why others are none is said as warnings. Throws {@link CommandError}. */
export function networksOf(runtime: CommandRuntime): NetworkFile[] {
  const { folder, warn } = runtime;
  const { networks, faults } = configurations(runtime);
  for (const fault of faults) warn(faultText(fault));
  if (networks.length > 0) return networks;
  throw new CommandError(`no network configuration in ${folder}${faults.length > 0 ? ' can be used' : ''}`);
}

/** What is in the folder. Throws {@link CommandError} when it cannot be read. */
export function configurations({ folder }: Pick<CommandRuntime, 'folder'>): ReturnType<typeof loadNetworks> {
  try {
    return loadNetworks(folder);
  } catch (error) {
    throw new CommandError(`cannot read ${folder}: ${(error as Error).message}`);
  }
}

/** The network of that name. Throws {@link CommandError} that tells which there are. */
export function networkNamed(runtime: CommandRuntime, name: string): NetworkFile {
  return chooseNetwork(networksOf(runtime), name, runtime);
}

/** As {@link networkNamed}, of networks that are read already. */
export function chooseNetwork(
  networks: readonly NetworkFile[],
  name: string,
  { folder }: Pick<CommandRuntime, 'folder'>,
): NetworkFile {
  const named = networks.filter((one) => one.name !== '');
  const network = named.find((one) => one.name === name);
  if (network) return network;
  const names = named.map((one) => `"${one.name}"`).join(', ') || 'none that has a name';
  throw new CommandError(`no network "${name}" in ${folder}: there is ${names}`);
}
