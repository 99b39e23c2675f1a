import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

/** The process that holds a world's network and mount namespace open. It ends by itself when this process does. */
export interface Keeper {
  pid: number;
  process: ChildProcess;
  /** Daemons that belong to the world itself, by process id: nobody is told of them, and they end with it. */
  companions: Set<number>;
}

/*
 * /run and /var/lib become private, empty file systems. What the machine has in /var/lib stays reachable by links,
 * because a checkout may lie there (build agents do that). `cat` waits for the end of the pipe on its standard input.
 */
const SETUP = `set -e
mount -t tmpfs -o mode=755 world-run /run
mkdir /run/netns /run/machine-var-lib
mount --rbind /var/lib /run/machine-var-lib
mount -t tmpfs -o mode=755 world-var-lib /var/lib
ln -s /run/machine-var-lib/* /var/lib/
rm -f /var/lib/cni
mkdir /var/lib/cni
echo 0 >/proc/sys/net/ipv4/ip_forward
if [ -e /proc/sys/net/ipv6 ]; then echo 0 >/proc/sys/net/ipv6/conf/all/forwarding; fi
ip link set lo up
echo ready
exec cat`;

export async function startKeeper(): Promise<Keeper> {
  const child = spawn('unshare', ['--net', '--mount', '--propagation', 'private', 'sh', '-c', SETUP], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  const [first] = await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
  if (child.pid === undefined || String(first) !== 'ready\n') {
    throw new Error(`cannot make a world of namespaces: ${complaint || first}`);
  }
  return { pid: child.pid, process: child, companions: new Set() };
}

/** Ends the keeper and waits until it is gone. With it go all links, rules, mounts and files of its world. */
export async function endKeeper({ process }: Keeper): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) {
    return;
  }
  const closed = once(process, 'close');
  process.kill('SIGKILL');
  await closed;
}

/** Where a file of the world is seen from outside of it. */
export function worldPath({ pid }: Keeper, path: string): string {
  return `/proc/${pid}/root${path}`;
}

/** Names of the namespaces under the world's /run/netns. */
export function netnsNames(keeper: Keeper): string[] {
  return readdirSync(worldPath(keeper, '/run/netns')).sort();
}

/** The processes in the world's namespaces, the keeper and its companions excepted: their ids and command lines. */
export function processes(keeper: Keeper): { pid: number; command: string }[] {
  const mount = readlinkSync(`/proc/${keeper.pid}/ns/mnt`);
  const nets = new Set([readlinkSync(`/proc/${keeper.pid}/ns/net`)]);
  for (const name of netnsNames(keeper)) {
    // Whoever it belongs to may remove it meanwhile.
    const found = statSync(worldPath(keeper, `/run/netns/${name}`), { throwIfNoEntry: false });
    if (found) nets.add(`net:[${found.ino}]`);
  }
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== keeper.pid && !keeper.companions.has(Number(entry)))
    .flatMap((pid) => {
      const inside = nets.has(link(`/proc/${pid}/ns/net`)) || link(`/proc/${pid}/ns/mnt`) === mount;
      return inside ? [{ pid: Number(pid), command: commandLine(pid) }] : [];
    });
}

/** A process may end while it is looked at: "" then. A zombie's namespaces cannot be read either. */
export function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
