import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { enter } from './peers';
import type { World } from './world';

/** A terminal with a shell of the world in it, and a person's hands and eyes. */
export interface Terminal {
  type(text: string): void;
  /** All that was ever shown, as the terminal got it. */
  screen(): string;
  /** The window is closed: whoever is in the foreground gets SIGHUP. */
  hangUp(): Promise<void>;
}

/** Starts it by script(1). A line is typed when the shell is ready for it. */
export function startTerminal(world: World, env: Record<string, string>): Terminal {
  const shell = ['script', '--quiet', '--flush', '--command', 'sh -i', '/dev/null'];
  const child = spawn('nsenter', [...enter(world.keeper), ...shell], { env: { ...env, PS1: '', TERM: 'dumb' } });
  let shown = '';
  child.stdout.on('data', (chunk) => {
    shown += chunk;
  });
  // It may be gone before everything is typed.
  child.stdin.on('error', () => {});
  const closed = once(child, 'close');
  return {
    type: (text) => child.stdin.write(text),
    screen: () => shown,
    async hangUp() {
      child.kill('SIGKILL');
      await closed;
    },
  };
}
