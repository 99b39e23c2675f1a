import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { type Keeper, netnsNames, processes, worldPath } from './keeper';
import * as normalise from './normalise';
import { enter, type Place } from './peers';
import { output } from './run';
import type { NetnsState, Snapshot } from './snapshot';

/*
 * One entry into the namespace prints everything. Where the kernel knows no IPv6, no VLAN filtering or no nftables,
 * that section stays empty.
 */
const REPORT = `ip -json -details -batch - <<END
address show
route show table all
rule show
neigh show nud permanent
neigh show proxy
END
echo "=== rules6"; ip -6 -json -details rule show 2>/dev/null
echo "=== vlans"; bridge -json vlan show 2>/dev/null
echo "=== nft"; nft --json list ruleset 2>/dev/null
echo "=== sysctls"
cd /proc/sys; head -v -n 1 net/ipv4/ip_forward net/ipv4/conf/*/* net/ipv6/conf/*/* net/bridge/* 2>/dev/null
true`;

/** Reads everything a plugin could leave behind in a world. Takes about 50 ms for a host and two pods. */
export async function takeSnapshot(keeper: Keeper): Promise<Snapshot> {
  const names = netnsNames(keeper);
  const states = await Promise.all([
    netnsState(keeper, 'host'),
    ...names.map((name) => netnsState(keeper, { path: `/run/netns/${name}` })),
  ]);
  const seen = new Map<string, Stats>();
  const files = Object.fromEntries(['/run', '/var/lib'].flatMap((root) => filesBelow(keeper, root, seen)));
  return {
    namespaces: Object.fromEntries(['host', ...names].map((name, index) => [name, states[index] as NetnsState])),
    files,
    locks: heldLocks(seen),
    processes: processes(keeper).map(({ command }) => command),
  };
}

async function netnsState(keeper: Keeper, place: Place): Promise<NetnsState> {
  const report = await output('nsenter', [...enter(keeper, place), 'sh', '-c', REPORT]);
  const [byIp = '', ...named] = report.split(/^=== /m);
  const [links, routes, rules, neighbours, proxies] = byIp
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const section = Object.fromEntries(named.map((part) => part.split(/\n(.*)/s, 2) as [string, string]));
  return {
    links: normalise.links(links),
    addresses: normalise.addresses(links),
    routes: normalise.routes(routes),
    rules: normalise.lines([...rules, ...parsed(section.rules6, [])]),
    neighbours: normalise.lines([...neighbours, ...proxies]),
    vlans: normalise.lines(parsed(section.vlans, [])),
    nft: normalise.nft(parsed(section.nft, { nftables: [] })),
    sysctls: Object.fromEntries(
      [...(section.sysctls ?? '').matchAll(/^==> (.*) <==\n(.*)$/gm)].map(([, path, value]) => [path, value]),
    ),
  };
}

function parsed<T>(text: string | undefined, otherwise: T): T {
  return text === undefined || text.trim() === '' ? otherwise : JSON.parse(text);
}

/** Paths and contents below a directory of the world; what the world itself put there is left out. */
function filesBelow(keeper: Keeper, directory: string, seen: Map<string, Stats>): [string, string][] {
  return readdirSync(worldPath(keeper, directory)).flatMap((name): [string, string][] => {
    const path = `${directory}/${name}`;
    const real = worldPath(keeper, path);
    const stats = lstatSync(real);
    if (path === '/run/netns' || path === '/run/machine-var-lib' || isDaemons(path)) {
      return [];
    }
    if (stats.isSymbolicLink()) {
      const target = readlinkSync(real);
      return target.startsWith('/run/machine-var-lib/') ? [] : [[path, `-> ${target}`]];
    }
    if (stats.isDirectory()) {
      return [[`${path}/`, ''], ...filesBelow(keeper, path, seen)];
    }
    seen.set(path, stats);
    return [[path, stats.isFile() ? normalise.file(readFileSync(real, 'utf8')) : 'no regular file']];
  });
}

/** What is there as long as a daemon is, and no attachment's. */
function isDaemons(path: string): boolean {
  return ['/run/trestle/daemon.sock', '/run/trestle/daemon.sock.lock', '/run/trestle/cold'].includes(path);
}

/** Lines of /proc/locks that concern these files: `1: OFDLCK ADVISORY WRITE -1 00:1e:1234 0 0`. */
function heldLocks(files: Map<string, Stats>): string[] {
  const byInode = new Map([...files].map(([path, stats]) => [`${device(stats.dev)}:${stats.ino}`, path]));
  return readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, kind, , mode, , inode = ''] = line.split(/\s+/);
      const path = byInode.get(inode);
      return path === undefined ? [] : [`${kind} ${mode} ${path}`];
    });
}

/** As /proc/locks prints `st_dev`: major and minor number, hexadecimal, at least two digits (fs/locks.c: "%02x:%02x:%lu"). */
function device(dev: number): string {
  const major = (dev >> 8) & 0xfff;
  const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00);
  return [major, minor].map((number) => number.toString(16).padStart(2, '0')).join(':');
}
