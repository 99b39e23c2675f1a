import { expect } from 'chai';
import { type CniCall, cniEnvironment, cniInput, installedPlugins, pluginPath } from './plugins';
import type { World } from './world';

/** How many messages the bridge plugin sends and how many bytes it reads, by netlink and all other sockets. */
export async function trafficOf(world: World, call: CniCall): Promise<{ sent: number; bytesRead: number }> {
  const trace = ['-f', '-qq', '-e', 'trace=sendmsg,sendto,recvmsg,recvfrom', '-e', 'signal=none', '-o', '/run/trace'];
  const { code, stdout } = await world.run('strace', [...trace, pluginPath('bridge', installedPlugins)], {
    env: cniEnvironment(call, installedPlugins),
    input: cniInput(call),
  });
  expect(code, stdout).to.equal(0);
  const lines = (await world.run('cat', ['/run/trace'])).stdout.split('\n');
  const returned = (name: RegExp) =>
    lines.filter((line) => name.test(line)).map((line) => Number(line.match(/= (\d+)$/)?.[1] ?? 0));
  return {
    sent: returned(/\bsend(msg|to)\b.*= \d+$/).length,
    bytesRead: returned(/\brecv(msg|from)\b/).reduce((a, b) => a + b, 0),
  };
}
