import type { AttachmentKey } from '../../plugin/identity';
import { base32, digest } from '../../plugin/identity';
import { commentLimit } from '../owned-elements';

/** Of a network's name that is too long for a comment. */
const hashed = (network: string): string => `#${base32(digest('network', network), 20)}`;

/**
 * What an element says of whose it is: the maps are the node's, so that the network is part of it. The maximum of a
 * container ID and an interface's name leaves room for the hash of a network's name, if not for all names.
 */
export function ownerText({ network, containerId, ifname }: AttachmentKey): string {
  const text = `${containerId} ${ifname} ${network}`;
  return (text.length <= commentLimit ? text : `${containerId} ${ifname} ${hashed(network)}`).slice(0, commentLimit);
}

/** Whose an element is, if it is one of the network's; undefined for another's, and where a long container ID was cut. */
export function ownerIn(comment: string, network: string): { containerId: string; ifname: string } | undefined {
  const [containerId, ifname, of, ...more] = comment.split(' ');
  if (!containerId || !ifname || !of || more.length > 0) return undefined;
  return ownerText({ network, containerId, ifname }) === comment ? { containerId, ifname } : undefined;
}

/** For a human: "container 1234 (eth0, network pods)". */
export function holderText(comment: string): string {
  const [containerId, ifname, network] = comment.split(' ');
  if (!ifname || !network) return comment === '' ? 'somebody who left no name' : `"${comment}"`;
  return `container ${containerId} (${ifname}${network.startsWith('#') ? '' : `, network ${network}`})`;
}
