import { expect } from 'chai';
import { referenceChain } from '../../lib/plugins/portmap/reference';
import { bridgeNetwork } from '../support/network';
import { output } from '../support/run';
import { createWorld, type World } from '../support/world';

const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }];

describe('A DEL of what the reference made by the legacy iptables', () => {
  let world: World;
  const { name, cniVersion } = bridgeNetwork();
  const prevResult = {
    cniVersion,
    interfaces: [{ name: 'br0' }, { name: 'veth1a2b3c4d' }, { name: 'eth0', sandbox: '/run/netns/gone' }],
    ips: [{ address: '10.1.2.3/24', interface: 2 }],
  };
  const config = { cniVersion, name, type: 'portmap', runtimeConfig: { portMappings }, prevResult };
  const remove = () => world.cni('portmap', { command: 'DEL', containerId: 'old', config });

  before(async () => {
    // In the world itself the program that loads modules cannot be found.
    await output('/sbin/modprobe', ['iptable_nat']);
    world = await createWorld();
  });
  after(() => world.close());

  it('says nothing while nobody has used those', async () => {
    expect(await remove()).to.include({ code: 0, stdout: '', stderr: '' });
  });

  it('succeeds, and names the tables and the chain that it cannot reach', async () => {
    const chain = referenceChain(String(name), 'old');
    for (const args of [`-N ${chain}`, `-A ${chain} -j RETURN`])
      expect(await world.run('iptables-legacy', ['-t', 'nat', ...args.split(' ')])).to.include({ code: 0 });
    const { code, stdout, stderr } = await remove();
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: '' });
    expect(stderr).to.include(`legacy iptables cannot be reached: in ip nat the chain ${chain} may remain`);
    expect((await world.run('iptables-legacy', ['-t', 'nat', '-S', chain])).stdout).to.include('RETURN');
  });
});
