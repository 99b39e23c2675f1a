import type { Place, Pod } from './peers';

export interface OutsideOptions {
  /** Name of the namespace. */
  name?: string;
  /** The host's addresses on the link between them. */
  host?: string[];
  /** Its own addresses. */
  addresses?: string[];
}

export interface Outside extends Pod {
  /** Its addresses without prefix length. */
  ips: string[];
  /** The host's, on the link between them: what a masqueraded packet comes from. */
  hostIps: string[];
  /** The host's interface towards it. */
  hostLink: string;
}

/**
 * Adds a namespace that plays a neighbour on the machine's network. Its default routes lead to the host, so that it
 * answers masqueraded and unmasqueraded packets alike and a test can tell them apart by their source.
 */
export async function addOutside(
  ip: (command: string, place?: Place) => Promise<unknown[]>,
  {
    name = 'outside',
    host = ['192.0.2.1/24', '2001:db8::1/64'],
    addresses = ['192.0.2.2/24', '2001:db8::2/64'],
  }: OutsideOptions = {},
): Promise<Outside> {
  const there = { path: `/run/netns/${name}` };
  const hostLink = `to-${name}`.slice(0, 15);
  await ip(`netns add ${name}`);
  await ip(`link add ${hostLink} type veth peer name eth0 netns ${name}`);
  await ip(`link set ${hostLink} up`);
  await ip('link set lo up', there);
  await ip('link set eth0 up', there);
  for (const address of host) {
    await ip(`address add ${address} dev ${hostLink}${nodad(address)}`);
  }
  for (const address of addresses) {
    await ip(`address add ${address} dev eth0${nodad(address)}`, there);
  }
  for (const address of host) {
    await ip(`route add default via ${bare(address)} dev eth0`, there);
  }
  return { name, path: there.path, hostLink, ips: addresses.map(bare), hostIps: host.map(bare) };
}

function nodad(address: string): string {
  return address.includes(':') ? ' nodad' : '';
}

function bare(address: string): string {
  return address.replace(/\/.*/, '');
}
