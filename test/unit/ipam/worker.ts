import { readFileSync } from 'node:fs';
import { useNative } from '../../../lib/kernel/native';
import { lockingHost } from './locking-host';
import { asking, type Call, type NetConf } from './support';

/** What a process is to ask host-local, once. */
export interface Job {
  command: 'add' | 'del';
  config: NetConf;
  stateDir: string;
  call: Call;
  /** Path of the addon. */
  addon: string;
}

async function work({ command, config, stateDir, call, addon }: Job): Promise<void> {
  useNative(addon);
  const result = await asking(config, lockingHost(stateDir))[command](call);
  process.stdout.write(JSON.stringify(result ?? null));
}

work(JSON.parse(readFileSync(0, 'utf8'))).catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
