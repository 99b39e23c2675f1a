import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plugins } from '../../../../lib/cli/invoke';
import { loadFile, type NetworkFile } from '../../../../lib/cni/runtime/files';
import type { Answers, Native, Query } from '../../../../lib/kernel/contract';
import { plugins } from '../../../../lib/plugins';

type Answer = Answers[keyof Answers];

/** What is there, by what is asked: "link host br0". What is not told is not there. */
export type Facts = Readonly<Record<string, Answer>>;

const nameOf = (query: Query): string =>
  [query.query, query.ns, 'name' in query && query.name, 'link' in query && query.link, 'key' in query && query.key]
    .filter(Boolean)
    .join(' ');

const nothing = ({ query, ns }: Query): Answer => {
  if (query === 'netns') return { dev: 4, ino: ns === 'host' ? 1 : 2 };
  return ['links', 'addrs', 'routes', 'vlans'].includes(query) ? [] : null;
};

/** A host that only exists on paper: to change anything of it is an error. */
export function madeUpWorld(facts: Facts = {}, path: readonly string[] = ['/nowhere/bin']): Plugins {
  const refuse = () => Promise.reject(new Error('something was to be changed'));
  const kernel = {
    observe: async (_where: unknown, queries: Query[]) =>
      queries.map((query) => facts[nameOf(query)] ?? nothing(query)),
    visit: () => ({ visit: 1, isOwn: false }),
    leave: () => {},
    apply: refuse,
    lock: refuse,
  } as unknown as Native;
  const platform = {
    kernel,
    plugins,
    stateDir: '/nowhere/trestle',
    bootId: 'boot',
    bootTime: 0,
    machineId: 'machine',
    began: 0,
    now: () => 0,
    callerEnv: () => ({}),
    warn: (message: string) => {
      throw new Error(message);
    },
  };
  return { platform, path };
}

/** Writes files into a folder of their own, loads the first as a network, and has `work` look at it. */
export async function withNetwork<T>(
  files: Readonly<Record<string, object | string>>,
  work: (network: NetworkFile) => T | Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'trestle-explain-'));
  try {
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content, null, 2));
    }
    const network = loadFile(join(folder, Object.keys(files)[0] ?? ''));
    if ('reason' in network) throw new Error(network.reason);
    return await work(network);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
