import { join } from 'node:path';
import { expect } from 'chai';
import { decoded, frame, Kind, type Script, startPeer } from '../support/daemon-peer';
import { type Launched, launchedProgram } from '../support/launched';
import { bridgeNetwork } from '../support/network';
import type { Pod } from '../support/peers';
import { cniEnvironment, cniInput } from '../support/plugins';
import { createWorld, type World } from '../support/world';

const config = bridgeNetwork();

/** Tells how it was started, as JSON. */
const teller = `
const fs = require('node:fs');
const fds = require('node:child_process').execFileSync('/bin/ls', ['/proc/self/fd'], { encoding: 'utf8' }).trim().split('\\n');
fs.writeSync(1, JSON.stringify({ env: process.env, fds, stdin: fs.readFileSync(0, 'utf8') }));
`;

const claims: Script = { requested: { send: frame(Kind.claimed) } };
const breaksOff: Script = { ...claims, told: { close: true } };
const declines: Script = { requested: { send: frame(Kind.declined, 'build') } };

describe('the program that a launcher starts although there is a daemon', () => {
  let world: World;
  let pod: Pod;
  let launched: Launched;
  before(async () => {
    world = await createWorld();
    pod = await world.addPod();
    launched = launchedProgram(teller);
  });
  after(async () => {
    launched.remove();
    await world.close();
  });

  /** What the program is told where the daemon does as `script` says, and the token of the request to that. */
  async function told(script: Script) {
    const peer = await startPeer(world, script);
    const call = { netns: pod, config, env: { TRESTLE_TOKEN: 'x', TRESTLE_BEGAN: '1' } };
    const options = { env: cniEnvironment(call, launched.bin), input: cniInput(call) };
    const { stdout, stderr } = await world.run(join(launched.bin, 'bridge'), [], options);
    expect(stderr).to.equal('');
    const request = decoded(peer.heard[0]?.request ?? Buffer.alloc(0));
    await peer.close();
    return { ...JSON.parse(stdout), request: request.variables };
  }

  it('gets the token of the request that was begun', async () => {
    const { env, request } = await told(breaksOff);
    expect(request.token).to.match(/^[0-9a-f]{32}$/);
    expect(env.TRESTLE_TOKEN).to.equal(request.token);
  });

  it('gets no token, and none of the caller’s either, where nothing was begun', async () => {
    for (const script of [declines, {}]) expect((await told(script)).env).not.to.have.property('TRESTLE_TOKEN');
  });

  it('is told the same as the daemon of when it was called', async () => {
    const { env, request } = await told({});
    expect(env.TRESTLE_BEGAN).to.equal(request.began);
  });

  it('gets the configuration as it came', async () => {
    expect(JSON.parse((await told(breaksOff)).stdin)).to.deep.equal(config);
  });

  it('executes others without a descriptor of the launcher’s', async () => {
    const usual = (await world.run('/bin/ls', ['/proc/self/fd'])).stdout.trim().split('\n');
    expect((await told(breaksOff)).fds).to.deep.equal(usual);
  });
});
