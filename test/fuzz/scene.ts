import { bridgeNetwork, succeed } from '../support/network';
import { enter, type Pod } from '../support/peers';
import { output } from '../support/run';
import { createWorld, type World } from '../support/world';

/** A world in which there is much to step on, and a pod of somebody else's that must survive whatever comes. */
export interface Scene {
  world: World;
  /** Empty: what requests are mostly about. */
  pod: Pod;
  /** Attached as container "victim" to network "victim". */
  victim: Pod;
  /** What the ADD of the victim printed. */
  victimResult: VictimResult;
}

export interface VictimResult {
  interfaces: { name: string; mac?: string; sandbox?: string }[];
  ips: { address: string; interface: number }[];
}

/**
 * Files that are none to read, and programs along CNI_PATH that are no plugins. All of them under /run/fuzz, but for one
 * that no snapshot could hold. The machine's own files can only be read: what a request might do to them is no test's to find out.
 */
const SETUP = `set -e
mkdir -p /run/fuzz/data /run/fuzz/plugins/folder /run/fuzz/traps/net /run/fuzz/cwd
cd /run/fuzz
echo text >file
mkfifo fifo plugins/fifo traps/net/10.9.0.2 traps/net/last_reserved_ip.0
ln -s loop loop
mount -t tmpfs fuzz /mnt
mount -o remount,bind,ro /
truncate -s 1G /mnt/sparse
perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "socket", Listen => 1)'
cd plugins
program() { printf '#!/bin/sh\\n%s\\n' "$2" >"$1"; chmod 755 "$1"; }
program garbage 'echo "}{ at Object.<anonymous> (/x/y.js:1:2)"'
# As IPAM it may hold an address that only its own DEL can release.
program flood '[ "$CNI_COMMAND" = DEL ] || head -c 20000000 /dev/zero'
program latin1 "printf '{\\"ips\\":[{\\"address\\":\\"\\\\377\\"}]}'"
program silent 'exit 0'
program status7 'exit 7'
program object 'echo "{\\"code\\":\\"x\\",\\"msg\\":{},\\"details\\":[1]}"; exit 1'
program numbers 'echo "{\\"code\\":1e999,\\"msg\\":5,\\"details\\":-0}"; exit 1'
program deep 'head -c 300000 /dev/zero | tr "\\\\0" "["'
program liar 'echo "{\\"cniVersion\\":\\"1.0.0\\",\\"interfaces\\":[{\\"name\\":\\"br0\\"}],\\"ips\\":[{\\"address\\":\\"0.0.0.0/0\\",\\"gateway\\":\\"255.255.255.255\\",\\"interface\\":7}]}"'
program noshebang ''
printf 'echo shell >/run/fuzz/shell' >noshebang
echo text >notexec
echo text >/run/fuzz/cwd/id
ip link add foreign0 type veth peer name foreign1
ip link add br9 address 02:00:00:00:00:99 type bridge`;

/** Where requests find themselves: what they do in a relative path does not matter to anybody. */
export const workingFolder = '/run/fuzz/cwd';

export async function createScene(): Promise<Scene> {
  const world = await createWorld();
  await output('nsenter', [...enter(world.keeper), 'sh', '-c', SETUP]);
  const victim = await world.addPod('victim');
  const config = bridgeNetwork({ name: 'victim', ipMasq: true });
  const victimResult = await succeed(world, 'bridge', { netns: victim, containerId: 'victim', config });
  return { world, victim, victimResult, pod: await world.addPod('fuzz') };
}
