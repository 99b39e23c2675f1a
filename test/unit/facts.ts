import type { AddrFact, LinkFact, RouteFact } from '../../lib/kernel/contract';

/** A link that is up, as the kernel tells of one, but for what a test says of it. */
export const linkFact = (fields: Partial<LinkFact> = {}): LinkFact => ({
  ifindex: 7,
  name: 'eth0',
  kind: '',
  mac: '02:00:00:00:00:01',
  mtu: 1500,
  up: true,
  operstate: 'up',
  promiscuity: 0,
  promiscFlag: false,
  master: 0,
  peer: 0,
  peerNetnsId: null,
  alias: '',
  txqlen: 1000,
  ...fields,
});

/** An address, with its prefix length, that nobody else was found to have. */
export const addrFact = (address: string): AddrFact => ({
  address,
  scope: 'global',
  tentative: false,
  dadFailed: false,
});

/** A route of the main table. */
export const routeFact = (dst: string, fields: Partial<RouteFact> = {}): RouteFact => ({
  dst,
  gw: null,
  table: 254,
  scope: 0,
  priority: 0,
  mtu: null,
  advmss: null,
  src: null,
  protocol: 3,
  type: 1,
  ...fields,
});
