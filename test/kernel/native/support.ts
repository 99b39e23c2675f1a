import { expect } from 'chai';
import type { Answers, Applied, Ns, Outcome, Places, Query, Step } from '../../../lib/kernel/contract';
import { native, useNative } from '../../../lib/kernel/native';
import { endKeeper, type Keeper, startKeeper } from '../../support/keeper';
import { enter } from '../../support/peers';
import { output, type Ran, run } from '../../support/run';

// Another build of the addon, that with the sanitizers for instance.
if (process.env.TRESTLE_NATIVE !== undefined) {
  useNative(process.env.TRESTLE_NATIVE);
}

/** The file that the addon was loaded from. */
export function addonPath(): string {
  native();
  return Object.keys(require.cache).find((file) => file.endsWith('trestle_native.node')) as string;
}

/** `load(path)` is the addon as lib/kernel/native.ts has it, which makes texts of calls and objects of answers. */
const prelude = `
  const load = (path) => {
    const raw = require(path);
    const inText = (name, what) => raw[name](JSON.stringify(what)).then(JSON.parse);
    return {
      ...raw,
      observe: (where, queries) => inText('observe', { where, queries }),
      apply: (where, steps, mode) => inText('apply', { where, steps, mode }),
    };
  };
`;

/**
 * Runs a script in a process of its own, with the addon's path as its first argument; in this environment, which may
 * preload the sanitizers. `wrapper` is a command that execs the rest of its arguments.
 */
export function runScript(script: string, args: string[] = [], wrapper: string[] = ['env']): Promise<Ran> {
  const [program, ...before] = [...wrapper, process.execPath, '-e', prelude + script, addonPath(), ...args] as [string];
  return run(program, before, { env: process.env as Record<string, string> });
}

/** Two network namespaces of the test's own, and what a test does in them. */
export interface Namespaces {
  readonly where: Required<Places>;
  /** Runs a program in one of them and returns what it prints. */
  run(ns: Ns, ...command: [string, ...string[]]): Promise<string>;
  /** `ip -details -json …` */
  // biome-ignore lint/suspicious/noExplicitAny: the shape of iproute2's output is its own
  ip(ns: Ns, ...args: string[]): Promise<any[]>;
  /** Asks one question. */
  ask<Q extends Query>(query: Q): Promise<Answers[Q['query']]>;
  /** Runs steps that must all succeed. */
  apply(...steps: Step[]): Promise<Outcome[]>;
  /** Runs steps one of which may fail. */
  attempt(...steps: Step[]): Promise<Applied>;
}

/** Gives each test of a suite a fresh pair of namespaces. */
export function useNamespaces(): Namespaces {
  const keepers = {} as Record<Ns, Keeper>;
  beforeEach(async () => {
    [keepers.host, keepers.pod] = await Promise.all([startKeeper(), startKeeper()]);
  });
  afterEach(() => Promise.all(Object.values(keepers).map(endKeeper)));

  const path = (ns: Ns) => `/proc/${keepers[ns].pid}/ns/net`;
  const runIn = (ns: Ns, ...command: string[]) => output('nsenter', [...enter(keepers[ns]), ...command]);
  const self: Namespaces = {
    get where() {
      return { host: path('host'), pod: path('pod') };
    },
    run: runIn,
    ip: async (ns, ...args) => JSON.parse((await runIn(ns, 'ip', '-details', '-json', ...args)) || '[]'),
    ask: async (query) => (await native().observe(self.where, [query]))[0] as never,
    attempt: (...steps) => native().apply(self.where, steps, 'stop'),
    apply: async (...steps) => {
      const { outcomes, faults } = await self.attempt(...steps);
      expect(faults).to.deep.equal([]);
      return outcomes as Outcome[];
    },
  };
  return self;
}

/** The steps that most tests begin with. */
export const bridge: Step = {
  op: 'link.add',
  ns: 'host',
  name: 'cni0',
  link: { kind: 'bridge' },
  up: true,
  ifExists: 'fail',
};
export const pair: Step = {
  op: 'link.add',
  ns: 'host',
  name: 'vetha',
  mac: '0a:00:00:00:00:01',
  link: { kind: 'veth', peer: { ns: 'pod', name: 'eth0', mac: '0a:00:00:00:00:02' } },
  up: true,
  ifExists: 'fail',
};
export const podUp: Step = { op: 'link.set', ns: 'pod', name: 'eth0', up: true };
