import { expect } from 'chai';
import type { NftBatch, Step } from '../../../lib/kernel/contract';
import { hostEndName } from '../../../lib/plugin/identity';
import { bridge } from '../../../lib/plugins/bridge/bridge';
import { guardDebris, guardMac, unguardMac } from '../../../lib/plugins/mac-spoof';
import { type Case, contextOf, identity, link, oneIp, ops, ownMac, planOf, settled, sharedOf } from './bridge-cases';

const { name: hostEnd } = identity.hostEnd;
const macspoofchk = true;
const isGuard = (step: Step): step is NftBatch => step.op === 'nft.batch' && step.table === 'trestle_macspoof';
const allowedBy = (given: Case) =>
  planOf(given)
    .steps.filter(isGuard)
    .flatMap(({ add = [] }) => add.find(({ set }) => set === 'allowed')?.keys ?? []);

describe('macspoofchk', () => {
  it('guards the link before it is made, and before it is a port', () => {
    const { steps } = planOf({ config: { macspoofchk, ipMasq: true }, ipam: oneIp });
    expect(steps.findIndex(isGuard)).to.equal(0);
    expect(ops(steps).indexOf('link.add')).to.equal(1);
    expect(steps.filter(isGuard)).to.have.length(1);
  });

  it('is two elements of this attachment, which name it', () => {
    expect(planOf({ config: { macspoofchk } }).steps.filter(isGuard)[0]?.add).to.deep.equal([
      { set: 'guarded', keys: [hostEnd], comment: 'c1 eth0' },
      { set: 'allowed', keys: [`${hostEnd} . ${identity.podMac}`], comment: 'c1 eth0' },
    ]);
  });

  it('allows the MAC that the pod gets, whoever chose it', () => {
    const mac = '02:00:00:00:00:0a';
    for (const given of [{ config: { runtimeConfig: { mac } } }, { args: [['MAC', mac]] as [string, string][] }])
      expect(allowedBy({ ...given, config: { macspoofchk, ...given.config } })).to.deep.equal([`${hostEnd} . ${mac}`]);
  });

  it('guards a pod whose interface the plugin leaves alone, too', () => {
    expect(allowedBy({ config: { macspoofchk, disableContainerInterface: true } })).to.have.length(1);
  });

  it('is nothing where it is not asked for', () => {
    expect(planOf({ ipam: oneIp }).steps.filter(isGuard)).to.deep.equal([]);
    expect(sharedOf({ ipam: oneIp })).to.deep.equal([]);
  });

  it('tells the result the MACs of the pair and not of the guard', () => {
    const plan = planOf({ config: { macspoofchk }, facts: { bridge: link({ mac: '02:00:00:00:00:99' }) } });
    const pair = { did: 'created', us: 1, mac: '02:00:00:00:00:0b', mtu: 1400 } as const;
    const outcomes = plan.steps.map(({ op }) => (op === 'link.add' ? pair : ({ did: 'created', us: 1 } as const)));
    expect(plan.result(outcomes).interfaces?.[1]).to.include({ name: hostEnd, mac: pair.mac });
  });

  it('lets a bridge learn no MAC from frames that nftables does not see', () => {
    const wanted = { op: 'link.set', ns: 'host', name: 'cni0', noLinkLocalLearn: true };
    expect(sharedOf({ config: { macspoofchk } })).to.deep.equal([wanted]);
    expect(sharedOf({ config: { macspoofchk }, facts: { bridge: null } }).at(-1)).to.deep.equal({
      ...wanted,
      up: true,
    });
    const set = { vlanFiltering: false, defaultPvid: 1, noLinkLocalLearn: true } as const;
    expect(sharedOf({ config: { macspoofchk }, facts: { bridge: link({ mac: ownMac, bridge: set }) } })).to.deep.equal(
      [],
    );
  });

  it('is tried by STATUS, whole, where it is asked for', () => {
    const trials = (config: Record<string, unknown>) =>
      Object.values(bridge.status?.facts(contextOf({ config, command: 'STATUS' }) as never) ?? {}).filter(
        ({ query }) => query === 'nft.trial',
      );
    const { family, table, ensure } = guardMac(identity, hostEnd, identity.podMac);
    expect(trials({ macspoofchk })).to.deep.equal([{ query: 'nft.trial', ns: 'host', family, table, ensure }]);
    expect(trials({})).to.deep.equal([]);
  });

  it('looks up name and MAC as one key: the MAC follows the name in the registers', () => {
    const rules = guardMac(identity, hostEnd, identity.podMac).ensure?.rules ?? [];
    expect(rules).to.have.length(1);
    expect(rules[0]?.exprs).to.deep.equal([
      { expr: 'meta', key: 'iifname', dreg: 1 },
      { expr: 'lookup', sreg: 1, set: 'guarded' },
      { expr: 'payload', base: 'link', offset: 6, length: 6, dreg: 2 },
      { expr: 'lookup', sreg: 1, set: 'allowed', invert: true },
      { expr: 'verdict', verdict: 'drop' },
    ]);
  });

  it('is at a priority of its own, before -300', () => {
    expect(guardMac(identity, hostEnd, identity.podMac).ensure?.chains[0]?.hook?.priority).to.equal(-310);
  });
});

describe('the end of macspoofchk', () => {
  const del = (given: Case) => bridge.del?.(contextOf({ command: 'DEL', ...given }) as never) ?? [];

  it('takes out what was put in', () => {
    const made = guardMac(identity, hostEnd, identity.podMac);
    expect(unguardMac(identity, hostEnd, [identity.podMac]).remove).to.deep.equal(made.add);
  });

  it('comes after the link where there is no record, for each MAC that the pod may have got', () => {
    const mac = '02:00:00:00:00:0c';
    const podEnd = link({ kind: 'veth', mac: '02:00:00:00:00:0d' });
    const steps = del({ config: { macspoofchk, runtimeConfig: { mac } }, facts: { ...settled, podEnd } });
    const guard = steps.at(-1) as NftBatch;
    expect(guard.remove?.[1]?.keys).to.deep.equal(
      [identity.podMac, mac, podEnd.mac].map((allowed) => `${hostEnd} . ${allowed}`),
    );
    expect(ops(steps).lastIndexOf('link.delete')).to.equal(steps.length - 2);
  });

  it('does not stumble over a MAC that is none', () => {
    const guard = del({ config: { macspoofchk, runtimeConfig: { mac: 'nonsense' } } }).at(-1) as NftBatch;
    expect(guard.remove?.[1]?.keys).to.deep.equal([`${hostEnd} . ${identity.podMac}`]);
  });

  it('is for GC where the link has the name that the network gives to that pod', () => {
    const named = (network: string) => hostEndName({ network, containerId: 'c9', ifname: 'eth0' });
    const facts = {
      guarded: [
        { key: named('net'), comment: 'c9 eth0' },
        { key: named('net2'), comment: 'c9 eth0' },
        { key: 'eno1', comment: 'c9 eth0' },
        { key: named('net'), comment: '' },
      ],
      allowed: [{ key: `${named('net')} . 02:00:00:00:00:01`, comment: 'c9 eth0' }],
    };
    expect(guardDebris('net', facts)).to.deep.equal(
      [
        { set: 'guarded', keys: [named('net')], comment: 'c9 eth0' },
        { set: 'allowed', keys: [`${named('net')} . 02:00:00:00:00:01`], comment: 'c9 eth0' },
      ].map((element) => ({
        containerId: 'c9',
        ifname: 'eth0',
        steps: [{ op: 'nft.batch', ns: 'host', family: 'bridge', table: 'trestle_macspoof', remove: [element] }],
      })),
    );
  });

  it('is nothing for GC where nobody was ever guarded', () => {
    expect(guardDebris('net', { guarded: null, allowed: null })).to.deep.equal([]);
  });
});
