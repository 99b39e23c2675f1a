import { type FileFault, faultText, type NetworkFile } from '../../cni/runtime/files';
import { type Command, flag } from '../command';
import { configurations } from '../networks';
import { runtimeEnvironment, runtimeOf } from '../runtime';

export const networks: Command = {
  name: 'networks',
  summary: 'the networks that are configured, and what is wrong with the files of others',
  options: { json: { about: 'an object of two lists, "networks" and "faults"' } },
  environment: runtimeEnvironment,
  about: `
One line per network: name, version, plugins, file. A file that cannot be used is named on stderr with line, column and
reason, and then the exit status is 1.`,
  examples: [
    ['trestle networks', 'of /etc/cni/net.d'],
    ['NETCONFPATH=./net.d trestle networks', 'are these files right?'],
  ],
  async run({ around, ...call }) {
    const runtime = runtimeOf(around);
    const { networks: found, faults } = configurations(runtime);
    around.out(flag({ around, ...call }, 'json') ? json(found, faults) : lines(found));
    for (const fault of faults) runtime.warn(faultText(fault));
    return faults.length > 0 ? 1 : 0;
  },
};

function lines(found: readonly NetworkFile[]): string {
  return found
    .map(({ name, cniVersion, plugins, file }) =>
      [name || '-', cniVersion || '-', plugins.map(({ type }) => type).join(','), file].join('\t'),
    )
    .map((line) => `${line}\n`)
    .join('');
}

function json(found: readonly NetworkFile[], faults: readonly FileFault[]): string {
  const told = found.map(({ name, cniVersion, plugins, file }) => ({
    name,
    cniVersion,
    plugins: plugins.map(({ type }) => type),
    file,
  }));
  return `${JSON.stringify({ networks: told, faults }, null, 2)}\n`;
}
