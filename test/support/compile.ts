import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { output } from './run';

/**
 * Compiles C sources to build/test/<name>, unless that is newer than all of `files` (headers too). `options` are further
 * ones for the compiler. Returns its path.
 */
export async function compiled(name: string, files: string[], options: string[] = []): Promise<string> {
  const program = resolve(__dirname, '../../build/test', name);
  const made = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (files.some((file) => statSync(file).mtimeMs > made)) {
    mkdirSync(dirname(program), { recursive: true });
    const sources = files.filter((file) => file.endsWith('.c'));
    await output('cc', ['-O1', '-Wall', '-Wextra', '-Werror', ...options, '-o', program, ...sources]);
  }
  return program;
}
