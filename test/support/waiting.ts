import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { enter } from './peers';
import { type CniAnswer, type CniCall, cniAnswer, cniEnvironment, cniInput, pluginPath } from './plugins';
import type { World } from './world';

/** A plugin that was started and waits for its configuration. */
export interface Waiting {
  /** Gives it the configuration and answers what it says. */
  give(config: object): Promise<CniAnswer>;
}

/** Starts a plugin and waits until it reads standard input, which is empty so far. */
export async function cniWaiting(world: World, type: string, call: CniCall): Promise<Waiting> {
  const child = spawn('nsenter', [...enter(world.keeper), pluginPath(type, world.plugins)], {
    env: cniEnvironment(call, world.plugins),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const texts = [child.stdout, child.stderr].map((stream) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    return () => Buffer.concat(chunks).toString();
  });
  const closed = once(child, 'close');
  while (child.exitCode === null && !readsInput(child.pid ?? 0)) await sleep(2);
  return {
    async give(config) {
      child.stdin.end(cniInput({ config }));
      const [code, signal] = await closed;
      const [stdout = '', stderr = ''] = texts.map((text) => text());
      return cniAnswer({ code, signal, stdout, stderr, log: '' });
    },
  };
}

/** Whether its first thread is in read(0, …), by the number that x86-64 (0) or arm64 (63) gives to the call. */
function readsInput(pid: number): boolean {
  return /^(0|63) 0x0 /.test(readFileSync(`/proc/${pid}/syscall`, 'utf8'));
}
