/*
 * Serves requests one after the other, as the daemon of a node would, in the namespaces in which it is started: one line
 * of JSON in, one out. Not by exec: starting a program ten thousand times would take half an hour.
 */
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { platformOf } from '../../lib/cli/platform';
import { native, useNative } from '../../lib/kernel/native';
import { handle } from '../../lib/plugin/handle';
import type { Served, Wire } from './client';
import { stateOf } from './state';

async function serve({ type, env, stdin }: Wire): Promise<Served> {
  const warnings: string[] = [];
  const platform = platformOf({ began: Date.now(), env, err: (text) => warnings.push(text) });
  const before = descriptors();
  const began = performance.now();
  const { stdout, exitCode, release } = await handle({ type, env, stdin: Buffer.from(stdin, 'base64') }, platform);
  release();
  const ms = performance.now() - began;
  // What waits for the kernel while it is closed is closed a moment later, aside.
  const ends = Date.now() + 2_000;
  while (descriptors() > before && Date.now() < ends) await sleep(2);
  return { stdout, exitCode, warnings, ms, descriptors: descriptors(), state: await stateOf() };
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;

async function main(): Promise<void> {
  if (process.env.TRESTLE_NATIVE) useNative(process.env.TRESTLE_NATIVE);
  // It keeps a descriptor of its own.
  native();
  process.stdout.write('ready\n');
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await serve(JSON.parse(line)))}\n`);
  }
}

main();
