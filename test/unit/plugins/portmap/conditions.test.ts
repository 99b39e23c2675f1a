import { expect } from 'chai';
import { alternatives, conditionsText, parseConditions } from '../../../../lib/plugins/portmap/conditions';
import { batchOf, elementsOf, errorOf, web } from './cases';

const parsed = (text: string, family: 'ip' | 'ip6' = 'ip') => parseConditions(text.split(' '), family);
const refusal = (text: string, family: 'ip' | 'ip6' = 'ip') => errorOf(() => parsed(text, family));

describe("portmap's conditions", () => {
  it('are addresses and prefixes of the source and the destination, and the interface that a packet comes by', () => {
    expect(conditionsText(parsed('-s 192.0.2.0/24 -d 10.0.0.1 -i eth0'))).to.equal(
      'saddr 192.0.2.0/24 daddr 10.0.0.1/32 iif eth0',
    );
    expect(
      conditionsText(parsed('--source 10.1.2.3/255.255.0.0 --destination 0.0.0.0/0 --in-interface eth+')),
    ).to.equal('saddr 10.1.0.0/16 daddr 0.0.0.0/0 iif eth+');
    expect(conditionsText(parsed('-s 2001:db8::1/32', 'ip6'))).to.equal('saddr 2001:db8::/32');
  });

  it('can be negated, with the sign before the option or behind it', () => {
    for (const text of ['! -s 10.0.0.0/8', '-s ! 10.0.0.0/8'])
      expect(conditionsText(parsed(text))).to.equal('saddr != 10.0.0.0/8');
  });

  it('can be lists, of which one has to be true', () => {
    expect(parsed('-s 10.0.0.0/8,192.168.0.0/16')[0]?.values).to.deep.equal(['10.0.0.0/8', '192.168.0.0/16']);
    expect(alternatives(parsed('-s 10.0.0.0/8,192.168.0.0/16 -d 10.0.0.1,10.0.0.2 -i eth0'), 'ip')).to.have.length(4);
  });

  it('compare a whole name, or with + its beginning', () => {
    const data = (text: string) => JSON.stringify(alternatives(parsed(text), 'ip'));
    expect(data('-i eth0')).to.include(`"data":"65746830${'00'.repeat(12)}"`);
    expect(data('-i eth+')).to.include('"data":"657468"');
    expect(data('! -i eth0')).to.include('"op":"neq"');
  });

  it('are refused with the word that is not understood', () => {
    const word = (text: string, family: 'ip' | 'ip6' = 'ip') =>
      /: "([^"]*)": not understood$/.exec(refusal(text, family)?.msg ?? '')?.[1];
    expect(refusal('-p tcp')).to.deep.equal({
      code: 7,
      msg: 'invalid configuration: "conditionsV4": "-p": not understood',
      details: 'known are -s, -d and -i with "!" and lists of addresses',
    });
    expect(word('-s 10.0.0.0/8 -m mark --mark 0x4')).to.equal('-m');
    expect(word('-s pods.example')).to.equal('pods.example');
    expect(word('-s 10.0.0.0/33')).to.equal('10.0.0.0/33');
    expect(word('-s 10.0.0.0/255.0.255.0')).to.equal('10.0.0.0/255.0.255.0');
    expect(word('-s 2001:db8::/32')).to.equal('2001:db8::/32');
    expect(word('-s 10.0.0.0/8', 'ip6')).to.equal('10.0.0.0/8');
    expect(word('-i +')).to.equal('+');
    expect(word('10.0.0.0/8')).to.equal('10.0.0.0/8');
    expect(refusal('-s', 'ip6')?.msg).to.equal('invalid configuration: "conditionsV6": "-s": nothing follows it');
    expect(refusal('-s 10.0.0.0/8 !')?.msg).to.match(/"!"/);
    expect(refusal('! -s 10.0.0.1,10.0.0.2')?.msg).to.match(/"!" goes with one address only$/);
  });
});

describe('a network with conditions', () => {
  const config = { conditionsV4: ['-s', '192.0.2.0/24,198.51.100.0/24'] };

  it('has maps of its own in that family', () => {
    const sets = Object.keys(elementsOf({ mappings: [web], config }));
    expect(sets.filter((set) => set.startsWith('any_'))).to.have.members([
      sets.find((set) => /^any_v4_[a-z2-7]{10}$/.test(set)),
      'any_v6',
    ]);
  });

  it('looks them up before those without, by one rule for each way to fulfil them', () => {
    const { rules = [] } = batchOf({ mappings: [web], config }).ensure ?? {};
    expect(rules.filter(({ chain }) => chain === 'conditional')).to.have.length(4);
    expect(rules.find(({ chain }) => chain === 'hostports')?.exprs).to.deep.equal([
      { expr: 'verdict', verdict: 'jump', chain: 'conditional' },
    ]);
  });

  it('shares them with another that says the same in other words', () => {
    const other = { conditionsV4: ['--src', '192.0.2.9/24,198.51.100.0/24'] };
    expect(elementsOf({ mappings: [web], config: other })).to.deep.equal(elementsOf({ mappings: [web], config }));
  });
});
