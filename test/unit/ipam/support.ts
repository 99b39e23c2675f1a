import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from '../../../lib/cni/args';
import { parseConfig } from '../../../lib/cni/config';
import type { Request } from '../../../lib/cni/request';
import type { Result } from '../../../lib/cni/result';
import { hostLocal } from '../../../lib/ipam/host-local';
import { hostLocalConfig } from '../../../lib/ipam/host-local/config';
import type { Host } from '../../../lib/plugin/define';

export interface TestHost extends Host {
  warnings: string[];
  /** "<network> <container> <ifname>" of those with a record of this boot, and of those being worked on. */
  attached: Set<string>;
  busy: Set<string>;
}

/** The world of an IPAM plugin, with a lock that holds within this process. */
export function testHost(stateDir: string, bootTime = 0): TestHost {
  const queues = new Map<string, Promise<void>>();
  const host: TestHost = {
    warnings: [],
    attached: new Set(),
    busy: new Set(),
    async flock(path) {
      const before = queues.get(path);
      let unlock = (): void => {};
      queues.set(path, new Promise((resolve) => (unlock = resolve)));
      await before;
      try {
        writeFileSync(path, '', { flag: 'a' });
      } catch (error) {
        unlock();
        throw error;
      }
      return unlock;
    },
    now: Date.now,
    bootTime,
    // Every lease was there before.
    began: Number.POSITIVE_INFINITY,
    stateDir,
    isAttached: (...key) => host.attached.has(key.join(' ')),
    isBusy: async (...key) => host.busy.has(key.join(' ')),
    warn: (message) => void host.warnings.push(message),
  };
  return host;
}

/** Asks the plugin, for container "c1" and interface "eth0" unless told otherwise. */
export interface Asking {
  add(call?: Call): Promise<Result>;
  check(call?: Call): Promise<void>;
  del(call?: Call): Promise<void>;
  gc(call?: Call): Promise<void>;
  status(call?: Call): Promise<void>;
}

export type NetConf = Record<string, unknown> & { ipam: Record<string, unknown> };

/** Folders of its own for one test: where leases are, and where Trestle's state is. */
export interface Bench extends Asking {
  dataDir: string;
  stateDir: string;
  /** The lease folder of the network "net". */
  folder: string;
  host: TestHost;
  config: NetConf;
  /** What the lease folder holds, `lock` excepted. */
  files(): Record<string, string>;
  remove(): void;
}

export interface Call {
  id?: string;
  ifname?: string;
  args?: string;
  network?: string;
  /** Merged into the configuration's ipam. */
  ipam?: Record<string, unknown>;
  config?: Record<string, unknown>;
  prevResult?: Result;
  valid?: { containerId: string; ifname: string }[];
}

export function newBench(
  ipam: Record<string, unknown> = { subnet: '10.1.2.0/24' },
  hostIn: (stateDir: string) => TestHost = testHost,
): Bench {
  // Thousands of small files: in memory, where there is a file system in memory.
  const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'host-local-'));
  const [dataDir, stateDir] = [join(root, 'data'), join(root, 'state')];
  const config = { cniVersion: '1.1.0', name: 'net', ipam: { type: 'host-local', dataDir, ...ipam } };
  const host = hostIn(stateDir);
  return {
    dataDir,
    stateDir,
    folder: join(dataDir, 'net'),
    host,
    config,
    files: () => filesIn(join(dataDir, 'net')),
    remove: () => rmSync(root, { recursive: true, force: true }),
    ...asking(config, host),
  };
}

export function asking(config: NetConf, host: Host): Asking {
  const context = (command: Request['command'], call: Call = {}) => {
    const request = requestOf(config, command, call);
    return { request, host, config: parseConfig(hostLocalConfig, request.config) };
  };
  return {
    add: async (call) => hostLocal.add(context('ADD', call)),
    check: async (call) => hostLocal.check(context('CHECK', call)),
    del: async (call) => hostLocal.del({ request: requestOf(config, 'DEL', call), host, config: undefined }),
    gc: async (call) => hostLocal.gc(context('GC', call)),
    status: async (call) => hostLocal.status(context('STATUS', call)),
  };
}

function requestOf(config: NetConf, command: Request['command'], call: Call = {}): Request {
  const { id = 'c1', ifname = 'eth0', args = '', network = 'net', ipam, prevResult, valid } = call;
  return {
    type: 'host-local',
    command,
    containerId: command === 'GC' || command === 'STATUS' ? '' : id,
    netns: '',
    ifname: command === 'GC' || command === 'STATUS' ? '' : ifname,
    args: parseArgs(args),
    path: [],
    netnsOverride: false,
    cniVersion: '1.1.0',
    name: network,
    config: { ...config, ipam: { ...config.ipam, ...ipam }, ...call.config },
    stdin: Buffer.alloc(0),
    warnings: [],
    ...(prevResult && { prevResult }),
    ...(valid && { validAttachments: valid }),
  };
}

export function filesIn(folder: string): Record<string, string> {
  if (!existsSync(folder)) return {};
  const names = readdirSync(folder).filter((name) => name !== 'lock');
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

/** The message of a promise's rejection. */
export async function refusalOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    (value) => `succeeded: ${JSON.stringify(value)}`,
    (error: Error) => error.message,
  );
}
