import { expect } from 'chai';
import { bridgeNetwork } from '../support/network';
import { createWorld, type World } from '../support/world';

/** What the installed program makes of standard streams that are none. */
describe('A plugin whose standard input is hostile', () => {
  let world: World;
  before(async () => {
    world = await createWorld();
  });
  after(() => world.close());

  const environment = {
    CNI_COMMAND: 'DEL',
    CNI_CONTAINERID: 'test',
    CNI_IFNAME: 'eth0',
    CNI_PATH: '/nosuch',
  };

  async function answer(script: string, env: Record<string, string> = {}) {
    const { code, stdout, stderr } = await world.run('sh', ['-c', script, `${world.plugins}/bridge`], {
      env: { ...environment, ...env, PATH: '/usr/bin:/bin' },
      timeoutMs: 20_000,
    });
    return { code, error: stdout === '' ? undefined : JSON.parse(stdout), stderr };
  }

  it('is refused when it never ends', async () => {
    const { code, error } = await answer('exec "$0" </dev/zero');
    expect({ code, error }).to.deep.equal({
      code: 1,
      error: { code: 6, msg: 'error unmarshall network config: the configuration has more than 16777216 bytes' },
    });
  });

  it('is refused when it is a folder, or only to be written', async () => {
    const folder = await answer('exec "$0" </');
    expect({ code: folder.code, error: folder.error }).to.deep.equal({
      code: 1,
      error: { code: 5, msg: 'EISDIR: illegal operation on a directory, read' },
    });
    expect((await answer('exec "$0" 0>/dev/null')).error).to.include({ code: 5 });
  });

  it('is refused when there is none', async () => {
    expect((await answer('exec "$0" <&-')).error).to.include({ code: 6 });
  });

  it('is waited for when it is slow and non-blocking', async () => {
    // perl makes the pipe non-blocking for all who share it; the plugin finds it empty at first.
    const config = JSON.stringify(bridgeNetwork({ ipam: {} }));
    const slow = `(sleep 0.3; printf %s '${config}') |
      perl -MFcntl -e 'fcntl(STDIN, F_SETFL, O_NONBLOCK) or die; exec @ARGV' "$0"`;
    const { code, error, stderr } = await answer(slow);
    expect({ code, error, stderr }).to.deep.equal({ code: 0, error: undefined, stderr: '' });
  });
});
