import { isIPv6 } from '../cni/addresses';
import type { ConntrackFlow, LinkSet, NftBatch, NftElements, RouteAdd, Step, VlanRange } from './contract';

/** A step in words, as close to the `ip`, `bridge`, `sysctl` and `nft` commands as one line allows. */
export function describe(step: Step): string {
  switch (step.op) {
    case 'link.add':
      return words(
        'add',
        step.link.kind,
        step.name,
        peerOf(step),
        step.master && `master ${step.master}`,
        step.mac,
        mtu(step.mtu),
        step.up && 'up',
      );
    case 'link.set':
      return words('set link', step.name, settings(step));
    case 'link.delete':
      return words(
        'delete link',
        step.name,
        step.ifindex !== undefined && `(ifindex ${step.ifindex})`,
        step.mac && `if its MAC is ${step.mac}`,
      );
    case 'link.wait':
      return `wait until ${step.name} carries traffic`;
    case 'link.announce':
      return `announce the addresses of ${step.name} to its neighbours`;
    case 'addr.add':
      return words('add address', step.address, 'to', step.link, step.nodad && 'nodad');
    case 'addr.delete':
      return words('delete address', step.address, 'from', step.link);
    case 'route.add':
      return words('add route', routeText(step), 'dev', step.link);
    case 'bridge.vlan.add':
      return words('add', step.link, 'to', step.vlans.map(vlanText).join(', '));
    case 'bridge.vlan.delete':
      return words('take', step.link, 'out of', step.vlans.map(vlanText).join(', '));
    case 'sysctl.set':
      return `set ${step.key.replaceAll('/', '.')} = ${step.value}`;
    case 'nft.batch':
      return words('nft', step.family, step.table, batch(step));
    case 'conntrack.flush':
      return `end connections ${step.flows.map(flowText).join(', ')}`;
    default:
      return step satisfies never;
  }
}

const words = (...parts: (string | false | undefined)[]): string => parts.filter((part) => part).join(' ');

const mtu = (value: number | undefined): string | undefined => (value === undefined ? undefined : `mtu ${value}`);

/** "10.7.0.0/16 via 10.1.2.1 table 100 mtu 1400" */
export function routeText({ dst, gw, table, scope, priority, mtu, advmss }: RouteAdd): string {
  const told = Object.entries({ table, scope, metric: priority, mtu, advmss })
    .filter(([, value]) => value !== undefined)
    .flat();
  return words(dst, gw && `via ${gw}`, ...told.map(String));
}

/** "VLAN 100 pvid untagged", "VLANs 200-300" */
export function vlanText({ from, to, pvid, untagged }: VlanRange): string {
  const ids = from === to ? `VLAN ${from}` : `VLANs ${from}-${to}`;
  return words(ids, pvid && 'pvid', untagged && 'untagged');
}

function peerOf({ link }: Step & { op: 'link.add' }): string | undefined {
  return link.kind === 'veth' ? words(`peer ${link.peer.name} (${link.peer.ns})`, link.peer.mac) : undefined;
}

function settings(step: LinkSet): string {
  const { op: _op, ns: _ns, name: _name, ...wanted } = step;
  return Object.entries(wanted)
    .map(([key, value]) =>
      typeof value === 'boolean' ? `${key} ${value ? 'on' : 'off'}` : `${key} ${JSON.stringify(value)}`,
    )
    .join(', ');
}

const count = ({ length }: readonly unknown[], what: string): string => `${length} ${what}${length === 1 ? '' : 's'}`;

function batch({ ensure, add = [], remove = [], drop }: NftBatch): string {
  const elements = (verb: string, sets: readonly NftElements[]) =>
    sets.map(({ set, keys, data }) => {
      const texts = keys.map((key) => (data === undefined ? key : `${key} : ${data}`));
      return `${verb} ${texts.join(', ')} ${verb === 'add' ? 'to' : 'from'} @${set}`;
    });
  return [
    ...(ensure
      ? [`ensure ${count(ensure.chains, 'chain')}, ${count(ensure.sets, 'set')}, ${count(ensure.rules, 'rule')}`]
      : []),
    ...elements('add', add),
    ...elements('remove', remove),
    ...(drop ? [`drop ${[...drop.sets.map((set) => `@${set}`), ...rulesOf(drop), ...chainsOf(drop)].join(', ')}`] : []),
  ].join('; ');
}

const rulesOf = ({ rules }: NonNullable<NftBatch['drop']>): string[] =>
  rules.map(({ chain, comment, constant }) => `"${comment}" of ${chain}${constant ? ` with ${constant}` : ''}`);

const chainsOf = ({ chains = [] }: NonNullable<NftBatch['drop']>): string[] =>
  chains.map(({ name }) => `chain ${name}`);

/** "udp to 10.0.0.1:53 that 10.1.2.3 answers" */
function flowText({ protocol, ip, port, answeredBy, notAnsweredBy }: ConntrackFlow): string {
  return words(
    protocol,
    `to ${ip === undefined ? 'port ' : isIPv6(ip) ? `[${ip}]:` : `${ip}:`}${port}`,
    answeredBy && `that ${answeredBy} answers`,
    notAnsweredBy && `that ${notAnsweredBy} does not answer`,
  );
}
