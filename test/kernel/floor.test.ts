import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { type FloorRequest, floorArguments, floorProgram } from '../../bench/floor';
import type { Pod } from '../support/peers';
import { createWorld, type World } from '../support/world';

const leases = '/var/lib/cni/networks/floor';
const trace = '/run/floor.trace';

/** How a static program of the C library starts. */
const startup =
  /^(execve|brk|arch_prctl|set_tid_address|set_robust_list|rseq|prlimit64|readlink(at)?|getrandom|mprotect|mmap|uname)\(/;

describe('The floor of the benchmark', () => {
  let world: World;
  let pod: Pod;
  let request: FloorRequest;

  beforeEach(async () => {
    world = await createWorld();
    pod = await world.addPod('pod');
    await world.ip('link add br0 up type bridge');
    await world.ip('address add 10.1.2.1/24 dev br0');
    mkdirSync(world.path(leases), { recursive: true });
    request = {
      netns: pod.path,
      bridge: (await world.ip('link show br0'))[0].ifindex,
      index: 4711,
      mtu: 1400,
      host: { name: 'vethfloor', mac: '0a:00:00:00:00:01' },
      pod: { name: 'eth0', mac: '0a:00:00:00:00:02' },
      address: '10.1.2.3',
      prefixLength: 24,
      gateway: '10.1.2.1',
      lease: `${leases}/10.1.2.3`,
      containerId: 'one',
    };
  });

  afterEach(() => world.close());

  const floor = async () => world.run(await floorProgram(), floorArguments(request));

  /** Its system calls from the first that is not of its start on: of files and messages also which and what. */
  async function systemCalls(): Promise<string[]> {
    // Numbers with their names, because it cannot always tell what kind of netlink a socket is for.
    const options = ['-qq', '-f', '-X', 'verbose', '-o', trace, '-e', 'signal=none'];
    const ran = await world.run('strace', [...options, await floorProgram(), ...floorArguments(request)]);
    expect(ran).to.include({ code: 0, stdout: '', stderr: '' });
    const lines = readFileSync(world.path(trace), 'utf8').trim().split('\n');
    const calls = lines.map((line) => line.replace(/^\d+ +/, ''));
    return calls.slice(calls.findIndex((call) => !startup.test(call))).map(summary);
  }

  it('makes the system calls of its list, and no other', async () => {
    const [pod, own, hostSocket, podSocket] = [3, 4, 5, 6];
    const exchange = (socket: number, type: string) => [`sendto ${socket} ${type}`, `recvfrom ${socket} error=0`];
    expect(await systemCalls()).to.deep.equal([
      'openat "/run/netns/pod"',
      'openat "/proc/self/ns/net"',
      'socket NETLINK_ROUTE',
      `setns ${pod}`,
      'socket NETLINK_ROUTE',
      `setns ${own}`,
      ...exchange(hostSocket, 'RTM_NEWLINK'),
      ...exchange(podSocket, 'RTM_NEWLINK'),
      ...exchange(podSocket, 'RTM_NEWADDR'),
      ...exchange(podSocket, 'RTM_NEWROUTE'),
      `openat "${leases}/10.1.2.3" O_CREAT|O_EXCL`,
      'write "one\\r\\neth0"',
      'exit_group',
    ]);
  });

  it('makes what bridge and host-local make: link, address, route, lease', async () => {
    expect(await floor()).to.include({ code: 0, stdout: '', stderr: '' });
    const [hostEnd, ...more] = await world.ip('link show master br0');
    expect(more).to.deep.equal([]);
    expect(hostEnd).to.include({ ifname: 'vethfloor', address: '0a:00:00:00:00:01', mtu: 1400, operstate: 'UP' });
    const [podEnd] = await world.ip('address show dev eth0', pod);
    expect(podEnd).to.include({ address: '0a:00:00:00:00:02', mtu: 1400, operstate: 'UP' });
    expect(podEnd.addr_info[0]).to.include({ local: '10.1.2.3', prefixlen: 24, scope: 'global' });
    const [route] = await world.ip('route show default', pod);
    expect(route).to.include({ gateway: '10.1.2.1', dev: 'eth0' });
    expect(readFileSync(world.path(request.lease), 'utf8')).to.equal('one\r\neth0');
    expect(await world.ping(pod, '10.1.2.1')).to.equal(true);
  });

  it('fails with what the kernel says, for a netlink message as for the lease', async () => {
    const missing = { ...request, bridge: 999 };
    const wrong = await world.run(await floorProgram(), floorArguments(missing));
    expect(wrong).to.include({ code: 1, stderr: 'floor: make the veth pair: Invalid argument\n' });
    expect(existsSync(world.path(request.lease))).to.equal(false);
    expect((await floor()).code).to.equal(0);
    await world.ip('link delete vethfloor');
    expect(await floor()).to.include({ code: 1, stderr: `floor: ${request.lease}: File exists\n` });
  });
});

/** What is worth telling of a system call's arguments, beside its name. */
const telling: Record<string, RegExp> = {
  openat: /"[^"]*"|O_CREAT\|O_EXCL/g,
  socket: /NETLINK_ROUTE/g,
  setns: /(?<=\()\d+/g,
  sendto: /(?<=\()\d+|(?<=nlmsg_type=)0x[0-9a-f]+/g,
  recvfrom: /(?<=\()\d+|error=-?\w+/g,
  write: /"[^"]*"/g,
};

const messageTypes: Record<string, string> = {
  '0x10': 'RTM_NEWLINK',
  '0x14': 'RTM_NEWADDR',
  '0x18': 'RTM_NEWROUTE',
};

/** "sendto 6 RTM_NEWADDR", of a line of strace's. */
function summary(line: string): string {
  const name = line.slice(0, line.indexOf('('));
  const details = telling[name] === undefined ? [] : (line.match(telling[name]) ?? []);
  return [name, ...details.map((detail) => messageTypes[detail] ?? detail)].join(' ');
}
