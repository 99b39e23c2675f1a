import { expect } from 'chai';
import { expectUnchanged } from '../support/expect-unchanged';
import { attach, guarded, guards } from '../support/guarding';
import { nft } from '../support/masquerading';
import { refusal, succeed } from '../support/network';
import { createWorld, type World } from '../support/world';

describe('STATUS with macspoofchk and ipMasq', () => {
  let world: World;
  const config = guarded({ ipMasq: true });
  const STATUS = { command: 'STATUS', config };

  beforeEach(async () => {
    world = await createWorld();
  });

  afterEach(() => world.close());

  it('is good where both could be done, and does neither', async () => {
    const before = await world.snapshot();
    await succeed(world, 'bridge', STATUS);
    expectUnchanged(before, await world.snapshot(), { allow: [/^files \/run\/trestle\/: added/] });
  });

  it('is good where both are done', async () => {
    await attach(world, 'one', config);
    const before = await world.snapshot();
    await succeed(world, 'bridge', STATUS);
    expectUnchanged(before, await world.snapshot());
    expect((await guards(world)).rules).to.equal(1);
  });

  it('is 50 where the kernel finds on trial that it cannot be done, and says what', async () => {
    // As a kernel would that was built without translation for nftables.
    const obstacle = 'chain postrouting { type filter hook postrouting priority 0; }';
    await nft(world, `table inet trestle_masquerade { ${obstacle}; }`);
    const before = await world.snapshot();
    const { code, msg } = await refusal(world, 'bridge', STATUS);
    expect({ code, msg }).to.deep.include({ code: 50 });
    expect(msg).to.match(/^add rule "pods__\w+" to chain inet trestle_masquerade postrouting: E[A-Z]+/);
    expectUnchanged(before, await world.snapshot(), { allow: [/^files \/run\/trestle\/: added/] });
    await succeed(world, 'bridge', { ...STATUS, config: guarded() });
  });
});
