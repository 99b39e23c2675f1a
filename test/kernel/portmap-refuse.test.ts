import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { refusal, succeed } from '../support/network';
import { bridged, chain, type Mapped, portmapCall } from '../support/portmapping';
import type { Snapshot } from '../support/snapshot';
import { createWorld, type World } from '../support/world';

const web = { hostPort: 8080, containerPort: 80, protocol: 'tcp' };

describe("portmap's ADD", () => {
  let world: World;
  let pod: Mapped;
  let before_: Snapshot;

  before(async () => {
    world = await createWorld();
    pod = await bridged(world, { containerId: 'one', chain: chain(), mappings: [web] });
    before_ = await world.snapshot();
  });
  after(() => world.close());

  const call = (mappings: object[], keys: object = {}) => {
    const { config, ...rest } = portmapCall({ ...pod, mappings });
    return { ...rest, config: { ...(config as object), ...keys } };
  };

  for (const [what, mappings, keys, msg] of [
    ['a plugin before it', [web], { prevResult: undefined }, 'portmap must be called as chained plugin'],
    ['a host port', [{ ...web, hostPort: 0 }], {}, 'failed to parse config: Invalid host port number: 0'],
    ['a known protocol', [{ ...web, protocol: 'icmp' }], {}, /portMappings\[0\]\.protocol.*"icmp"/],
    ['conditions that it knows', [web], { conditionsV4: ['-m', 'mark'] }, /"conditionsV4": "-m": not understood$/],
    ['marks of its own', [web], { externalSetMarkChain: 'KUBE-MARK-MASQ' }, /"KUBE-MARK-MASQ" cannot be used$/],
  ] as const) {
    it(`wants ${what}, is code 7 without, and changes nothing`, async () => {
      const error = await refusal(world, 'portmap', call([...mappings], keys));
      expect(error.code).to.equal(7);
      if (typeof msg === 'string') expect(error.msg).to.equal(msg);
      else expect(error.msg).to.match(msg);
      expectUnchanged(before_, await world.snapshot());
    });
  }

  it('is refused what its DEL takes, which warns and succeeds', async () => {
    const strange = { ...call([web], { conditionsV4: ['-m', 'mark'] }), command: 'DEL' };
    const { code, stdout, stderr } = await world.cni('portmap', strange);
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: '' });
    expect(stderr).to.include('"conditionsV4": "-m": not understood');
  });

  it('hands the result on where there is nothing to map, and leaves no trace of itself', async () => {
    expect(await succeed(world, 'portmap', call([]))).to.deep.equal(pod.result);
    expectUnchanged(before_, await world.snapshot());
    for (const command of ['CHECK', 'DEL']) await succeed(world, 'portmap', { ...call([]), command });
    expectUnchanged(before_, await world.snapshot());
  });

  it('warns of a mapping that leads nowhere, and makes the others', async () => {
    const nowhere = { ...web, hostIP: '2001:db8::1' };
    const only4 = { ...pod.result, ips: pod.result.ips.slice(0, 1) };
    const { code, stderr } = await world.cni('portmap', call([web, nowhere], { prevResult: only4 }));
    expect(code).to.equal(0);
    expect(stderr).to.include('host port 8080/tcp of 2001:db8::1 leads nowhere');
    await succeed(world, 'portmap', { ...call([web]), command: 'DEL' });
  });
});
