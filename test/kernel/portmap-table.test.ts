import { writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { attach, chain, elementsOf, findings, table } from '../support/portmapping';
import { createWorld, type World } from '../support/world';

const mappings = (['tcp', 'udp', 'sctp'] as const).map((protocol, i) => ({
  hostPort: 8080 + i,
  containerPort: 80,
  protocol,
}));

describe("portmap's table", () => {
  let world: World;

  before(async () => {
    world = await createWorld();
  });
  after(() => world.close());

  const listed = async () => (await world.run('nft', ['list', 'table', ...table.split(' ')])).stdout;

  it('is read back by nft as nft has listed it, for those who save their ruleset', async () => {
    const keys = { conditionsV4: ['-s', '192.0.2.0/24,198.51.100.0/24', '!', '-i', 'eth+'], masqAll: true };
    const one = await attach(world, { containerId: 'one', chain: chain(), mappings });
    await attach(world, {
      containerId: 'two',
      chain: chain(keys),
      mappings: mappings.map((it) => ({ ...it, hostIP: '192.0.2.1' })),
    });
    const before = await listed();
    writeFileSync(world.path('/run/saved.nft'), `flush ruleset\n${before}`);
    expect(await world.run('nft', ['-f', '/run/saved.nft'])).to.include({ code: 0, stderr: '' });
    expect(await listed()).to.equal(before);
    expect(await findings(world, one)).to.deep.equal([]);
  });

  it('has as many rules and sets for ten pods as for one', async () => {
    const shape = async () => (await listed()).split('\n').filter((line) => /^\t(map|set|chain) |comment "/.test(line));
    const isElement = (line: string) => /comment "(one|two|pod\d) eth0 /.test(line);
    const before = (await shape()).filter((line) => !isElement(line));
    for (let i = 0; i < 9; i++)
      await attach(world, {
        containerId: `pod${i}`,
        chain: chain(),
        mappings: [{ ...mappings[0], hostPort: 9000 + i }],
      });
    expect((await elementsOf(world, 'pod8')).length).to.be.above(0);
    expect((await shape()).filter((line) => !isElement(line))).to.deep.equal(before);
  });
});
