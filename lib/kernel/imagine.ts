import { contains, parseAddress } from '../cni/addresses';
import type {
  AddrFact,
  Answers,
  LinkAdd,
  LinkFact,
  LinkSet,
  Outcome,
  Query,
  Step,
  VlanRange,
  WayFact,
} from './contract';
import { prefix, samePrefix } from './prefix';

/** The kernel's MTU of an Ethernet device that was told none. */
const usualMtu = 1500;

type Answer = Answers[keyof Answers];

/** What a query would be answered once these steps were done, from what it is answered now: for plans that are not carried out. */
export function imagine(query: Query, answer: Answer, steps: readonly Step[]): Answer {
  return steps.filter(({ ns }) => ns === query.ns).reduce((known, step) => after(query, known, step), answer);
}

/** What became of each step, if all goes well. */
export function imaginedOutcomes(steps: readonly Step[]): Outcome[] {
  return steps.map((step): Outcome => {
    if (step.op !== 'link.add') return { did: 'changed', us: 0 };
    const { link, mac = '', mtu = usualMtu } = step;
    const peer = link.kind === 'veth' ? { ifindex: 0, mac: link.peer.mac ?? '', mtu: link.peer.mtu ?? mtu } : undefined;
    return { did: 'created', us: 0, mac, mtu, ...(peer && { peer }) };
  });
}

function after(query: Query, answer: Answer, step: Step): Answer {
  switch (query.query) {
    case 'link':
      return linkAfter(query.name, answer as LinkFact | null, step);
    case 'addrs':
      return addrsAfter(query.link, answer as AddrFact[], step);
    case 'vlans':
      return vlansAfter(query.link, answer as VlanRange[], step);
    case 'route':
      return routeAfter(query.dst, answer as WayFact | null, step);
    case 'sysctl':
      return step.op === 'sysctl.set' && step.key === query.key && answer !== null ? step.value : answer;
    default:
      return answer;
  }
}

function linkAfter(name: string, link: LinkFact | null, step: Step): LinkFact | null {
  switch (step.op) {
    case 'link.add':
      if (link !== null) return link;
      if (step.name === name) return newLink(step);
      return step.link.kind === 'veth' && step.link.peer.name === name && step.link.peer.ns === step.ns
        ? newLink({ ...step, ...step.link.peer })
        : null;
    case 'link.set':
      return link !== null && step.name === name ? changed(link, step) : link;
    case 'link.delete':
      return step.name === name && (step.mac === undefined || step.mac === link?.mac) ? null : link;
    default:
      return link;
  }
}

function newLink({ name, link, mac = '', mtu = usualMtu, up = false }: LinkAdd): LinkFact {
  return {
    ifindex: 0,
    name,
    kind: link.kind,
    mac,
    mtu,
    up,
    operstate: 'down',
    promiscuity: 0,
    promiscFlag: false,
    master: 0,
    peer: 0,
    peerNetnsId: null,
    alias: '',
    txqlen: 1000,
    ...(link.kind === 'bridge' && { bridge: { vlanFiltering: link.vlanFiltering ?? false, defaultPvid: 1 } }),
  };
}

function changed(link: LinkFact, { up, mtu, mac, alias, promisc, noLinkLocalLearn }: LinkSet): LinkFact {
  return {
    ...link,
    ...(up !== undefined && { up }),
    ...(mtu !== undefined && { mtu }),
    ...(mac !== undefined && { mac }),
    ...(alias !== undefined && { alias }),
    ...(promisc !== undefined && { promiscFlag: promisc }),
    ...(link.bridge && noLinkLocalLearn && { bridge: { ...link.bridge, noLinkLocalLearn } }),
  };
}

function addrsAfter(link: string, addrs: AddrFact[], step: Step): AddrFact[] {
  const added = (address: string): AddrFact[] =>
    addrs.some((fact) => samePrefix(fact.address, address))
      ? addrs
      : [...addrs, { address, scope: 'global', tentative: false, dadFailed: false }];
  if (step.op === 'addr.add' && step.link === link) return added(step.address);
  if (step.op === 'addr.delete' && step.link === link) {
    return addrs.filter(({ address }) => !samePrefix(address, step.address));
  }
  if (step.op === 'link.delete' && step.name === link) return [];
  // The kernel gives it its address when it goes up.
  return step.op === 'link.set' && step.name === link && link === 'lo' && step.up ? added('127.0.0.1/8') : addrs;
}

/** RTN_UNICAST: a link with an address in a subnet is the way to all of it. */
function routeAfter(dst: string, way: WayFact | null, step: Step): WayFact | null {
  const address = parseAddress(dst);
  const leads = step.op === 'addr.add' && address !== undefined && contains(prefix(step.address), address);
  return leads ? { link: step.link, type: 1 } : way;
}

function vlansAfter(link: string, vlans: VlanRange[], step: Step): VlanRange[] {
  if (step.op === 'bridge.vlan.add' && step.link === link) return [...vlans, ...step.vlans];
  if (step.op !== 'bridge.vlan.delete' || step.link !== link) return vlans;
  return vlans.filter(({ from, to }) => !step.vlans.some((gone) => gone.from <= from && to <= gone.to));
}
