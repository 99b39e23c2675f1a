import { expect } from 'chai';
import { supportedVersions } from '../../lib/cni/versions';
import { bridgeNetwork, succeed } from '../support/network';
import { createWorld, type World } from '../support/world';

describe('a request to the installed program', () => {
  let world: World;
  before(async () => {
    world = await createWorld();
  });
  after(() => world.close());

  it('for VERSION needs nothing else, and is answered with one line', async () => {
    for (const type of ['bridge', 'loopback', 'host-local']) {
      const { code, stdout } = await world.cni(type, {
        command: 'VERSION',
        env: { CNI_CONTAINERID: '', CNI_IFNAME: '' },
      });
      expect({ code, stdout }).to.deep.equal({
        code: 0,
        stdout: `{"cniVersion":"1.1.0","supportedVersions":${JSON.stringify(supportedVersions)}}\n`,
      });
    }
  });

  it('for STATUS or GC with nothing behind it succeeds and says nothing', async () => {
    for (const command of ['STATUS', 'GC']) {
      const call = { command, config: { cniVersion: '1.1.0', name: 'net', type: 'bridge', bridge: 'br0' } };
      const { code, stdout } = await world.cni('bridge', { ...call, env: { CNI_CONTAINERID: '', CNI_IFNAME: '' } });
      expect({ command, code, stdout }).to.deep.equal({ command, code: 0, stdout: '' });
    }
  });

  it('may be of another type, and have its keys in any case', async () => {
    const pod = await world.addPod('pod');
    const odd = {
      CNIVersion: '1.0.0',
      NAME: 'net',
      type: 'other',
      Bridge: 'br7',
      RuntimeConfig: { MAC: '02:00:00:00:00:07' },
    };
    const result = await succeed(world, 'bridge', { netns: pod, config: odd });
    expect(result.interfaces[0].name).to.equal('br7');
    expect((await world.ip('link show eth0', pod))[0].address).to.equal('02:00:00:00:00:07');
  });

  it('for DEL succeeds without CNI_NETNS, and says nothing', async () => {
    const { code, stdout } = await world.cni('bridge', { command: 'DEL', config: bridgeNetwork() });
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: '' });
  });
});
